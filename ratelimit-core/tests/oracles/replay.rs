//! The replay loop that all peers share, the engine as they see it, and the tally of what was compared.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::fs;
use std::mem::take;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ratelimit_core::clock::{ManualClock, Timestamp};
use ratelimit_core::{Bucket, ErrorKind, Rate, RateOutlook, Registry, Request};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::traces::{Events, listed};

/// One peer in the course of one trace.
pub(crate) trait Peer {
    type Config: DeserializeOwned;
    type Event: DeserializeOwned;

    /// A fresh limiter of the peer.
    fn new(config: Self::Config) -> Self;

    /// The same limits in our words; none: those that the server tells.
    fn rates(&self) -> Vec<Rate>;

    /// Asks the engine what the peer was asked, and compares, or leaves the event out.
    fn replay(&mut self, event: Self::Event, engine: &Engine, tally: &mut Tally);
}

#[derive(Deserialize)]
struct Header<C> {
    config: C,
    events: usize,
}

/// Replays every trace of `kind`, which is `<peer>/<kind>`, prints how often what was compared, and asserts that it was
/// exactly so often, and in as many events as are listed.
pub(crate) fn replay<P: Peer>(kind: &str, expected: &[(&'static str, usize)]) {
    let mut tally = Tally::default();
    let listed = listed(kind).unwrap_or_else(|| panic!("{kind} is not listed as compared"));
    let mut events = Events { traces: 0, compared: 0, left_out: 0, why: listed.why };
    for path in traces(kind) {
        let text = fs::read_to_string(&path).expect("a trace");
        let mut lines = text.lines().zip(1..);
        let (header, _) = lines.next().expect("a header");
        let header: Header<P::Config> = serde_json::from_str(header).expect("a header of this kind");
        let mut peer = P::new(header.config);
        let engine = Engine::new(&peer.rates());
        let mut read = 0;
        for (line, number) in lines {
            tally.place = format!("{}:{number}", path.display());
            let event = serde_json::from_str(line).unwrap_or_else(|error| panic!("{}: {error}", tally.place));
            read += 1;
            peer.replay(event, &engine, &mut tally);
            let is_left_out = take(&mut tally.is_left_out);
            *(if is_left_out { &mut events.left_out } else { &mut events.compared }) += 1;
        }
        assert_eq!(read, header.events, "{}", path.display());
        events.traces += 1;
    }
    println!("{kind}: {events:?}");
    for (what, count) in &tally.counts {
        println!("{kind}: {count} {what}");
    }
    assert_eq!(tally.counts, expected.iter().copied().collect(), "{kind}: what was compared, and how often");
    assert_eq!(events, listed, "{kind}: how much is compared");
}

fn traces(kind: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracles/fixtures").join(kind);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths
}

/// A fresh bucket of guard zero on a clock of its own.
pub(crate) struct Engine {
    pub(crate) clock: ManualClock,
    pub(crate) bucket: Bucket,
    registry: Registry,
}

/// What the engine said to a call that does not wait.
#[derive(Debug)]
pub(crate) enum Answer {
    Granted,
    /// Refused: how long to wait, and the rate that holds it up.
    Wait(Duration, Rate),
    /// Refused for ever by that rate.
    TooHeavy(Rate),
}

impl Answer {
    pub(crate) fn is_granted(&self) -> bool {
        matches!(self, Answer::Granted)
    }

    /// The same as an outlook would say it.
    fn wait(&self) -> Option<Duration> {
        match self {
            Answer::Granted => Some(Duration::ZERO),
            Answer::Wait(wait, _) => Some(*wait),
            Answer::TooHeavy(_) => None,
        }
    }
}

impl Engine {
    pub(crate) fn new(rates: &[Rate]) -> Self {
        let clock = ManualClock::new();
        let bucket = match rates.split_first() {
            Some((first, others)) => {
                others.iter().fold(Bucket::named("replayed", *first), |bucket, rate| bucket.and(*rate))
            }
            None => Bucket::learned("replayed"),
        };
        let bucket = bucket.guard(Duration::ZERO).clock(clock.clone());
        let registry = Registry::new();
        let bucket = registry.register(bucket).expect("limits that make sense");
        Engine { clock, bucket, registry }
    }

    /// Other limits for the same bucket.
    pub(crate) fn replace(&self, rate: Rate) {
        let bucket = Bucket::named(self.bucket.name(), rate).guard(Duration::ZERO).clock(self.clock.clone());
        self.registry.register(bucket).expect("limits that make sense");
    }

    pub(crate) fn set_time(&self, nanos: u64) {
        self.clock.set(Timestamp::from_nanos(nanos));
    }

    fn request(&self, key: Option<&str>, weight: u32) -> Request<'_> {
        let request = self.bucket.request().weight(weight);
        match key {
            Some(key) => request.key(key),
            None => request,
        }
    }

    /// Asks for `weight` without waiting. A peek just before has to tell the same.
    pub(crate) fn ask(&self, key: Option<&str>, weight: u32) -> Answer {
        let expected = self.wait(key, weight);
        let answer = match self.request(key, weight).try_acquire() {
            Ok(_started) => Answer::Granted,
            Err(error) => {
                let rate = error.rate().expect("a rate refused it");
                match error.kind() {
                    ErrorKind::TooHeavy => Answer::TooHeavy(rate),
                    ErrorKind::Limited => Answer::Wait(error.retry_after().expect("a wait"), rate),
                    other => panic!("{other}: {error}"),
                }
            }
        };
        assert_eq!(answer.wait(), expected, "what a peek said before the answer {answer:?}");
        answer
    }

    /// How long a call would wait; takes nothing.
    pub(crate) fn wait(&self, key: Option<&str>, weight: u32) -> Option<Duration> {
        self.request(key, weight).peek().expect("an outlook").wait()
    }

    /// What the first rate would let start now.
    pub(crate) fn remaining(&self, key: Option<&str>) -> u32 {
        self.first(key).remaining()
    }

    /// In how long nothing counts against the first rate any more.
    pub(crate) fn resets_in(&self) -> Duration {
        self.first(None).resets_in()
    }

    fn first(&self, key: Option<&str>) -> RateOutlook {
        let outlook = self.request(key, 1).peek().expect("an outlook");
        outlook.rates().first().expect("a rate").clone()
    }
}

/// How often what was compared, or was found to differ on purpose.
#[derive(Default)]
pub(crate) struct Tally {
    /// The event at hand.
    place: String,
    counts: BTreeMap<&'static str, usize>,
    is_left_out: bool,
}

impl Tally {
    pub(crate) fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }

    /// Nothing about this event can be compared.
    pub(crate) fn leave_out(&mut self, why: &'static str) {
        self.count(why);
        self.is_left_out = true;
    }

    /// Asserts that we and the peer say the same, and counts it.
    pub(crate) fn equal<T: Copy + PartialEq + Debug>(&mut self, what: &'static str, ours: T, peers: T) {
        assert_eq!(ours, peers, "{what} (ours, the peer's) at {}", self.place);
        self.count(what);
    }

    /// Asserts what we say, and counts it.
    pub(crate) fn holds(&mut self, what: &'static str, holds: bool) {
        assert!(holds, "{what} at {}", self.place);
        self.count(what);
    }
}
