//! The bytes of records as the scripts write them, which turn rings and leave them as long as they are: what
//! `judge/tests/golden.rs` is to what programs write.

use std::sync::Arc;
use std::time::Duration;

use super::pair::{Pair, key_of};
use super::*;
use crate::rate::Rate;
use crate::store::record::Record;

const GOLDEN: &str = include_str!("records.txt");

/// The ninth of September 2001.
const BEGIN: u64 = 1_000_000_000_000_000;
const SECOND: u64 = 1_000_000;

/// A name, the limits of a key and of all together, and acquires: how much later each is made, and of which weight.
struct Case {
    name: &'static str,
    plans: Vec<Arc<Plan>>,
    calls: Vec<(u64, u32)>,
}

fn cases() -> Vec<Case> {
    let exact = |rates: &[Rate]| -> Vec<Guarded> {
        rates.iter().map(|rate| Guarded { rate: *rate, guard: 0 }).collect()
    };
    let of = |rates: &[Rate]| vec![plan(&exact(rates))];
    let (slides, bucket) = (Rate::per_minute(1_000), Rate::per_second(10).burst(20));
    let fixed = Rate::per_hour(100).fixed();
    let both = vec![plan(&exact(&[bucket])), plan(&exact(&[Rate::per_day(5_000)]))];
    let case = |name, plans, calls: &[(u64, u32)]| Case { name, plans, calls: calls.to_vec() };
    vec![
        case("sliding: one start", of(&[slides]), &[(0, 1)]),
        case("sliding: three starts, one heavier than 255", of(&[slides]), &[(0, 1), (10, 256), (20, 255)]),
        case("sliding: two starts at one time", of(&[slides]), &[(0, 1), (10, 3), (0, 4)]),
        case("sliding: a ring that is turned", of(&[Rate::per_second(9)]), &[(SECOND / 5, 1); 30]),
        case(
            "sliding: a ring that is turned within a weight",
            of(&[Rate::per_second(900)]),
            &[(SECOND / 4, 300); 20],
        ),
        case("sliding: a ring that was too short", of(&[slides]), &[(7, 2); 40]),
        case("sliding: starts to come", of(&[Rate::per_second(1)]), &[(0, 1); 3]),
        case("token bucket", of(&[bucket]), &[(0, 3)]),
        case(
            "token bucket: a spacing of thirds",
            of(&[Rate::per_second(3).burst(5)]),
            &[(0, 1), (1, 1), (0, 1)],
        ),
        case("fixed", of(&[fixed]), &[(0, 2), (5, 7)]),
        case("fixed: a window to come", of(&[Rate::per_second(2).fixed()]), &[(0, 2), (5, 1)]),
        case("several", of(&[slides, bucket, fixed]), &[(0, 1), (50, 2)]),
        case("a key, and all together", both, &[(0, 1), (50, 2)]),
        case("a span of nanoseconds", of(&[Rate::new(7, Duration::from_nanos(1_234_567))]), &[(0, 7)]),
        case("generation 2", vec![Arc::new(Plan::new(2, &exact(&[slides]), None))], &[(0, 4), (SECOND, 1)]),
    ]
}

impl Case {
    /// The asks, each with its time.
    fn asks(&self) -> Vec<(u64, Ask)> {
        let mut parts = vec![part("golden", Some("ann"), &self.plans[0])];
        parts.extend(self.plans.get(1).map(|plan| Part {
            entry: Entry::total(&escaped("golden")),
            plan: Arc::clone(plan),
            known: Known::default(),
        }));
        let asks = self.calls.iter().scan(BEGIN, |now, (later, weight)| {
            *now += later;
            let acquire =
                Acquire { weight: *weight, after: 0, slack: 0, allowance: u64::MAX, reserves: true };
            Some((*now, Ask::of(parts.clone(), Verb::Acquire(acquire))))
        });
        asks.collect()
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

fn unhex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks(2);
    digits.map(|two| u8::from_str_radix(std::str::from_utf8(two).unwrap(), 16).unwrap()).collect()
}

/// The records of each case, one after the other.
fn golden() -> impl Iterator<Item = (&'static str, Vec<Vec<u8>>)> {
    let lines = GOLDEN.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| {
        let (name, records) = line.split_once(" = ").expect("a name and records");
        (name, records.split(' ').map(unhex).collect())
    })
}

/// Where this fails and the format is meant to be another: a new version, and what is printed into the file.
#[test]
fn scripts_write_records_as_they_always_did() {
    let Some(server) = RedisServer::start() else { return };
    let mut lines = Vec::new();
    for case in cases() {
        let mut pair = Pair::new(&server);
        for (now, ask) in case.asks() {
            let answers = pair.play(now, &[ask], 0);
            assert!(matches!(answers[..], [Ok(Answer(Said::Granted { .. }))]), "{}: {answers:?}", case.name);
        }
        let (_, ask) = case.asks().remove(0);
        let records = ask.entries().map(|entry| hex(&pair.record(&key_of(entry)).expect("it was written")));
        lines.push(format!("{} = {}", case.name, records.collect::<Vec<_>>().join(" ")));
        server.run::<String>("FLUSHALL");
    }
    println!("{}", lines.join("\n"));
    let known: Vec<&str> = GOLDEN.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(lines, known);
}

/// They tell programs what these would have written themselves.
#[test]
fn programs_read_records_of_scripts() {
    let mut read = 0;
    for ((name, records), case) in golden().zip(cases()) {
        assert_eq!(name, case.name);
        let mut states: Vec<Option<Vec<u8>>> = vec![None; case.plans.len()];
        for (now, ask) in case.asks() {
            let known: Vec<_> = states.iter().map(Option::as_deref).collect();
            let judged = ask.judge(Duration::from_micros(now), &known).unwrap();
            states = judged.writes().map(|write| write.map(|write| write.state().to_vec())).collect();
        }
        for ((plan, bytes), state) in case.plans.iter().zip(&records).zip(states) {
            let found = Record::read(plan, Some(bytes), u64::MAX).unwrap().write(0).unwrap().0;
            assert_eq!(Some(found), state, "{name}");
            read += 1;
        }
    }
    assert_eq!(read, cases().iter().map(|case| case.plans.len()).sum::<usize>());
}
