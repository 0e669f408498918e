//! The bytes of records as they are kept by programs that run now: a change of these is a change of the format, which
//! wants another version.

use super::world::{World, bucket, fixed, guarded, own_plan, part, reserve, sliding};
use crate::policy::{Guarded, Prototype};
use crate::rate::Rate;
use crate::store::ask::{Part, Plan, Verb};
use std::slice::from_ref;
use std::sync::Arc;

const GOLDEN: &str = include_str!("records.txt");

/// Records by name, made by what a reader can follow.
fn records() -> Vec<(&'static str, World, Part)> {
    let of = |rates: &[Guarded]| part(&Arc::new(Plan::new(0, rates, None)), 0);
    let mut all = Vec::new();
    let mut add = |name, of: Part, calls: &[(u64, u32)]| {
        let mut world = World::new();
        for (later, weight) in calls {
            world.now += later;
            world.charge(from_ref(&of), *weight);
        }
        all.push((name, world, of));
    };
    let slides = sliding(1_000, 60_000_000);
    add("sliding: one start", of(&[slides]), &[(0, 1)]);
    add("sliding: three starts, one heavier than 255", of(&[slides]), &[(0, 1), (10, 256), (20, 255)]);
    add("sliding: given back", of(&[slides]), &[]);
    add("token bucket", of(&[bucket(10, 1_000_000, 20)]), &[(0, 3)]);
    add("token bucket: a spacing of thirds", of(&[bucket(3, 1_000_000, 5)]), &[(0, 1), (1, 1)]);
    add("fixed", of(&[fixed(100, 3_600_000_000)]), &[(0, 2), (5, 7)]);
    let several = [slides, bucket(10, 1_000_000, 20), fixed(100, 3_600_000_000)];
    add("several", of(&several), &[(0, 1), (50, 2)]);
    let nanos = guarded(Rate::new(7, std::time::Duration::from_nanos(1_234_567)), 0);
    add("a span of nanoseconds", of(&[nanos]), &[(0, 7)]);
    let second = part(&Arc::new(Plan::new(2, &[slides], None)), 0);
    add("generation 2", second, &[(0, 4)]);
    let own = Prototype::new(super::own::Watch::new(9));
    add("a user's policy beside a rate", part(&own_plan(&[slides], &own), 0), &[(0, 4), (100, 1)]);
    add("a user's policy", part(&own_plan(&[], &own), 0), &[(0, 4)]);
    let given_back = all.iter_mut().find(|(name, ..)| name.contains("given back")).unwrap();
    let (_, world, of) = given_back;
    let start = world.reserves(from_ref(of), 5);
    world.now += 3;
    world.play(from_ref(of), Verb::Refund { start, weight: 5, given: 5 });
    let mut world = World::new();
    let of = of_reserved();
    for _ in 0..3 {
        world.play(from_ref(&of), reserve(1));
    }
    all.push(("sliding: starts to come", world, of));
    all
}

fn of_reserved() -> Part {
    part(&Arc::new(Plan::new(0, &[sliding(1, 1_000_000)], None)), 0)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

fn unhex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks(2);
    digits.map(|two| u8::from_str_radix(std::str::from_utf8(two).unwrap(), 16).unwrap()).collect()
}

/// Where this fails and the format is meant to be another: a new version, and what is printed into the file.
#[test]
fn records_are_written_as_they_always_were() {
    let lines: Vec<String> = records()
        .iter()
        .map(|(name, world, of)| format!("{name} = {}", hex(world.bytes(of).expect("it was written"))))
        .collect();
    let written = lines.join("\n");
    println!("{written}");
    let known: Vec<&str> = GOLDEN.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(lines, known);
}

/// Read, and written again with nothing changed.
#[test]
fn records_are_read_as_they_always_were() {
    let known = GOLDEN.lines().filter_map(|line| line.split_once(" = "));
    let mut read = 0;
    for ((name, bytes), (_, world, of)) in known.zip(records()) {
        let mut fresh = World { now: world.now, ..World::new() };
        let kept = super::world::Kept { bytes: unhex(bytes), until: u64::MAX };
        fresh.records.insert(of.entry.to_string(), kept);
        assert_eq!(fresh.look(from_ref(&of)), world.clone().look(from_ref(&of)), "{name}");
        fresh.play(from_ref(&of), Verb::Restore { records: vec![None], lost: false });
        assert_eq!(hex(fresh.bytes(&of).unwrap()), bytes, "{name}");
        read += 1;
    }
    assert_eq!(read, records().len());
}
