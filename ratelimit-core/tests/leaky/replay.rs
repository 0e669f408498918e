//! `fixtures/<kind>/<number>.jsonl` are decision traces of py-asyncutils 1.3.4: a header with the configuration, then one
//! event a line with the state after it. Decisions and rounds have to be the same, and floats to 1e-9; that they are the
//! same to the last bit is counted too. Whatever is compared is counted, and the counts are asserted.
//!
//! How many events that are, and which trace of that package is not replayed, stands in the list of all traces,
//! `tests/oracles/traces.rs`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use ratelimit_core::policy::{FillLevel, LeakyBucket};
use serde::Deserialize;

use crate::traces::{Events, listed};

#[derive(Deserialize)]
struct Header {
    config: Config,
    events: usize,
}

#[derive(Deserialize)]
struct Config {
    capacity: f64,
    leak_per_s: f64,
    min_factor: f64,
    max_factor: f64,
    start_s: f64,
    wait_tick_s: f64,
    /// From this capacity on: what is low, what to multiply by then, what is high, what to multiply by then.
    adjmap: Vec<(f64, [f64; 4])>,
}

#[derive(Deserialize)]
struct Event {
    #[serde(flatten)]
    op: Op,
    t_s: f64,
    /// After the event.
    tokens: f64,
    factor: f64,
}

#[derive(Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
enum Op {
    Acquire {
        n: f64,
        ok: bool,
    },
    /// `zeno`: sleeps that were too short to move the peer's clock, which was moved by the least that it can be.
    Wait {
        n: f64,
        waited_s: f64,
        end_s: f64,
        polls: u32,
        #[serde(default)]
        zeno: u32,
    },
    /// A round of the task that keeps adapting while the bucket is used as a context.
    Tick,
    SetFactor {
        value: f64,
    },
    ResetFactor,
}

#[derive(Default)]
struct Tally {
    place: String,
    counts: BTreeMap<&'static str, usize>,
}

impl Tally {
    fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }

    fn same<T: PartialEq + std::fmt::Debug>(&mut self, what: &'static str, ours: &T, peers: &T) {
        assert_eq!(ours, peers, "{what} (ours, the peer's) at {}", self.place);
        self.count(what);
    }

    fn near(&mut self, what: &'static str, ours: f64, peers: f64) {
        let near = (ours - peers).abs() <= 1e-9 * ours.abs().max(peers.abs());
        assert!(near, "{what} at {}: ours {ours}, the peer's {peers}", self.place);
        self.count(what);
        if ours.to_bits() == peers.to_bits() {
            self.count("floats that are the same to the last bit");
        }
    }
}

/// The peer's bucket starts full.
fn bucket(config: &Config) -> LeakyBucket {
    let rows = config.adjmap.iter().map(|(from, [low, faster, high, slower])| {
        FillLevel::new(*from).low(*low, *faster).high(*high, *slower)
    });
    let rows: Vec<_> = rows.collect();
    assert_eq!(rows, FillLevel::TABLE, "the default is the peer's");
    assert_eq!(config.wait_tick_s.to_bits(), 0.1_f64.to_bits());
    LeakyBucket::new(config.capacity, config.leak_per_s)
        .factors(config.min_factor, config.max_factor)
        .table(&rows)
        .starting(config.capacity, config.start_s)
}

/// Waits as the peer does: sleep as long as is said, and look again.
fn wait(bucket: &mut LeakyBucket, mut now: f64, amount: f64) -> (f64, f64, u32, u32) {
    let (mut waited, mut polls, mut zeno) = (0.0, 1, 0);
    while let Err(sleep) = bucket.try_wait(now, amount) {
        polls += 1;
        waited += sleep;
        let then = now + sleep;
        zeno += u32::from(then <= now);
        now = then.max(now.next_up());
    }
    (waited, now, polls, zeno)
}

fn event(bucket: &mut LeakyBucket, next_tick: &mut Option<f64>, event: &Event, tally: &mut Tally) {
    let mut now = event.t_s;
    match event.op {
        Op::Acquire { n, ok } => tally.same("decisions", &bucket.acquire(now, n), &ok),
        Op::Wait { n, waited_s, end_s, polls, zeno } => {
            let ours = wait(bucket, now, n);
            tally.near("waits", ours.0, waited_s);
            tally.near("ends of waits", ours.1, end_s);
            tally.same("rounds of waits", &(ours.2, ours.3), &(polls, zeno));
            now = ours.1;
        }
        Op::Tick => {
            if let Some(next) = *next_tick {
                tally.near("times of ticks", next, now);
            }
            *next_tick = Some(now + bucket.tick(now));
        }
        Op::SetFactor { value } => assert!(bucket.set_factor(value)),
        Op::ResetFactor => assert!(bucket.reset_factor()),
    }
    tally.near("factors", bucket.factor(), event.factor);
    // Where nothing was topped up, the peer tells the level of before.
    if !matches!(event.op, Op::SetFactor { .. } | Op::ResetFactor) {
        tally.near("levels", bucket.level(now), event.tokens);
    }
}

fn replay(kind: &str, expected: &[(&'static str, usize)]) {
    let mut tally = Tally::default();
    let mut events = Events { traces: 0, compared: 0, left_out: 0, why: "" };
    for path in traces(kind) {
        let text = fs::read_to_string(&path).expect("a trace");
        let mut lines = text.lines().zip(1..);
        let header: Header = serde_json::from_str(lines.next().expect("a header").0).expect("a header");
        let (mut bucket, mut next_tick, mut read) = (bucket(&header.config), None, 0);
        for (line, number) in lines {
            tally.place = format!("{}:{number}", path.display());
            event(&mut bucket, &mut next_tick, &serde_json::from_str(line).expect("an event"), &mut tally);
            read += 1;
        }
        assert_eq!(read, header.events, "{}", path.display());
        events.traces += 1;
        events.compared += read;
    }
    for (what, count) in &tally.counts {
        println!("{kind}: {count} {what}");
    }
    assert_eq!(tally.counts, expected.iter().copied().collect(), "{kind}: what was compared, and how often");
    assert_eq!(Some(events), listed(&format!("asyncutils/{kind}")), "{kind}: how much is compared");
}

fn traces(kind: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/leaky/fixtures").join(kind);
    let entries = fs::read_dir(&folder).expect("traces");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths
}

#[test]
fn it_decides_as_the_original() {
    replay(
        "leaky-acquire",
        &[
            ("decisions", 655),
            ("levels", 655),
            ("factors", 680),
            ("floats that are the same to the last bit", 1335),
        ],
    );
}

#[test]
fn it_waits_and_adapts_as_the_original() {
    replay(
        "leaky-wait",
        &[
            ("decisions", 437),
            ("waits", 548),
            ("ends of waits", 548),
            ("rounds of waits", 548),
            ("levels", 985),
            ("factors", 1024),
            ("floats that are the same to the last bit", 2933),
        ],
    );
}

#[test]
fn it_adapts_by_itself_as_the_original() {
    replay(
        "leaky-drain",
        &[
            ("decisions", 569),
            ("times of ticks", 478),
            ("levels", 1054),
            ("factors", 1072),
            ("floats that are the same to the last bit", 1675),
        ],
    );
}
