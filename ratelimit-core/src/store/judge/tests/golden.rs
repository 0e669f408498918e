//! The bytes of records as they are kept by programs that run now: a change of these is a change of the format, which
//! wants another version.

use super::windows::{answer, hear, windows as window};
use super::world::{BEGIN, World, bucket, fixed, guarded, own_plan, part, reserve, sliding};
use crate::feedback::{Feedback, Scope};
use crate::policy::Guarded;
use crate::rate::Rate;
use crate::store::ask::{Ask, Entry, Part, Plan, Verb, Windows};
use crate::store::conformance;
use crate::store::window::Heard;
use std::slice::from_ref;
use std::sync::Arc;
use std::time::Duration;

const GOLDEN: &str = include_str!("records.txt");

/// A record, and how it was made.
struct Sample {
    name: &'static str,
    world: World,
    entry: Entry,
    /// About that record.
    look: Ask,
}

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
    let nanos = guarded(Rate::new(7, Duration::from_nanos(1_234_567)), 0);
    add("a span of nanoseconds", of(&[nanos]), &[(0, 7)]);
    let second = part(&Arc::new(Plan::new(2, &[slides], None)), 0);
    add("generation 2", second, &[(0, 4)]);
    let own = conformance::allotment(true);
    add("a user's policy beside a rate", part(&own_plan(&[slides], &own), 0), &[(0, 4), (100, 1)]);
    add("a user's policy", part(&own_plan(&[], &own), 0), &[(0, 4)]);
    let given_back = all.iter_mut().find(|(name, ..)| name.contains("given back")).unwrap();
    let (_, world, of) = given_back;
    let start = world.reserves(from_ref(of), 5);
    world.now += 3;
    world.play(from_ref(of), Verb::Refund { start, weight: 5, given: 5, born: [0; 2] });
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

/// What the server said, by name.
fn windows() -> Vec<Sample> {
    let mut all = Vec::new();
    let mut add = |name, entry: Entry, play: &dyn Fn(&mut World)| {
        let mut world = World::new();
        play(&mut world);
        let look = Ask::of_windows(window(0, "~a"), Verb::Peek { weight: 1 });
        all.push(Sample { name, world, entry, look });
    };
    let (own, everybody) = (window(0, "~a").entry, window(0, "~a").all);
    let heard = |world: &mut World, later: u64, feedback: Feedback| {
        let start = world.calls(0, 3);
        world.now += later;
        world.ask(&hear(0, start, 3, answer(feedback)));
    };
    let says = || Feedback::default().limit(100).remaining(60);
    add("window: calls on their way, in both lots", own.clone(), &|world| {
        world.calls(0, 300);
        world.now += 31_000_000;
        world.calls(0, 2);
    });
    add("window: its end is between two times", own.clone(), &|world| {
        heard(world, 40_000, says().reset_after(Duration::from_secs(9)));
    });
    add("window: its end is over", own.clone(), &|world| {
        heard(world, 40_000, says().reset_after(Duration::from_secs(9)));
        world.now += 9_000_000;
        world.calls(0, 1);
    });
    add("window: its end is not said", own.clone(), &|world| heard(world, 40_000, says()));
    add("window: without a limit, and with two lots that were lost", own.clone(), &|world| {
        heard(world, 40_000, Feedback::default().remaining(8).reset_after(Duration::from_secs(60)));
        for weight in [1, 2] {
            let start = world.calls(0, weight);
            world.now += 5;
            world.ask(&hear(0, start, weight, Heard::Nothing));
        }
    });
    add("window: none, and rejected twice", own.clone(), &|world| {
        for later in [0, 2_000_000] {
            world.now += later;
            heard(world, 40_000, Feedback::default().rejected(true));
        }
    });
    add("window: another name", own, &|world| {
        let to = Windows { all: window(0, "=b").entry, ..window(0, "~a") };
        world.ask(&Ask::of_windows(to, Verb::Rename { name: "=b".into(), joins: true }));
    });
    add("window: what the server says to everybody", everybody, &|world| {
        let pause = Feedback::default().rejected(true).retry_after(Duration::from_secs(30));
        heard(world, 40_000, pause.scope(Scope::Global));
    });
    all
}

fn samples() -> Vec<Sample> {
    let records = records().into_iter().map(|(name, world, of)| {
        let (entry, look) = (of.entry.clone(), Ask::of(vec![of], Verb::Peek { weight: 1 }));
        Sample { name, world, entry, look }
    });
    records.chain(windows()).collect()
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
    let line = |Sample { name, world, entry, .. }: &Sample| {
        format!("{name} = {}", hex(world.bytes_of(entry).expect("it was written")))
    };
    let lines: Vec<String> = samples().iter().map(line).collect();
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
    for ((name, bytes), Sample { mut world, entry, look, .. }) in known.zip(samples()) {
        let mut fresh = world.clone();
        let kept = super::world::Kept { bytes: unhex(bytes), until: u64::MAX };
        fresh.records.insert(entry.to_string(), kept);
        assert_eq!(fresh.ask(&look), world.ask(&look), "{name}");
        let touch = Verb::Restore { records: vec![None; look.parts.len()], lost: false };
        fresh.ask(&Ask { verb: touch, ..look });
        assert_eq!(hex(fresh.bytes_of(&entry).unwrap()), bytes, "{name}");
        read += 1;
    }
    assert_eq!(read, samples().len());
}

/// Those that scripts write as well, by whoever asks for whatever; the fuzz target `record` begins with them.
#[test]
fn records_are_judged_by_every_ask_of_their_sort() {
    let by_scripts = include_str!("../../redis/tests/records.txt");
    let lines = GOLDEN.lines().chain(by_scripts.lines()).filter_map(|line| line.split_once(" = "));
    let asks = conformance::samples();
    for (name, records) in lines {
        let sort = |sample: &&(Ask, Ask)| match &sample.0.parts[..] {
            [] => name.starts_with("window: "),
            [part, ..] if name.starts_with("a user's policy") => part.plan.own.is_some(),
            _ => !name.starts_with("window: "),
        };
        for record in records.split(' ').map(unhex) {
            for later in [0, 7_000_000, 90_000_000_000] {
                let now = Duration::from_micros(BEGIN + later);
                let judges = |sample: &&(Ask, Ask)| conformance::judges(sample, now, &record);
                let (judging, others): (Vec<_>, Vec<_>) = asks.iter().partition(judges);
                assert!(judging.len() >= 7 && judging.iter().all(sort), "{name}");
                assert!(!others.iter().any(sort), "{name}: {later} us later");
            }
        }
    }
}
