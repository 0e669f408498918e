//! A clock that is put back or forward, and starts that come at known times.

use std::sync::Arc;
use std::time::Duration;

use ratelimit_core::clock::{Clock, ManualClock, Timestamp};
use ratelimit_core::policy::{Earliest, Outcome, Policy};
use ratelimit_core::store::{Ask, SqliteStore};
use ratelimit_core::{Bucket, ErrorKind, Rate};

use crate::common::Dice;
use crate::{Dir, amount, drain, open, play, takes};

const HOUR: Duration = Duration::from_secs(3600);
/// Some time in 2026.
const YEAR: Timestamp = Timestamp::from_nanos(1_790_000_000 * 1_000_000_000);

fn at(clock: &ManualClock, dir: &Dir) -> SqliteStore {
    SqliteStore::open_at(dir.file(), clock.clone()).expect("a file of ours")
}

fn set_back(clock: &ManualClock, by: Duration) {
    clock.set(Timestamp::from_nanos(
        clock.now().as_nanos() - u64::try_from(by.as_nanos()).expect("not so long"),
    ));
}

/// Whatever the process: nothing more is admitted, and the window is over when it would have been.
#[test]
fn a_clock_put_back_by_an_hour() {
    for rate in [Rate::per_minute(5), Rate::per_minute(5).fixed(), Rate::per_minute(5).burst(5)] {
        for restarts in [false, true] {
            let (dir, clock) = (Dir::new(), ManualClock::new());
            clock.set(YEAR);
            let mut store = at(&clock, &dir);
            assert_eq!(drain(&store, "ann", rate, 9), 5);
            set_back(&clock, HOUR);
            if restarts {
                store = at(&clock, &dir);
            }
            assert_eq!(drain(&store, "ann", rate, 9), 0, "{rate}");
            clock.advance(Duration::from_secs(11));
            set_back(&clock, HOUR);
            assert_eq!(
                drain(&store, "ann", rate, 9),
                0,
                "no time has passed, as far as anybody knows: {rate}"
            );
            clock.advance(Duration::from_secs(61));
            assert_eq!(drain(&store, "ann", rate, 9), 5, "nobody is locked out for longer: {rate}");
        }
    }
}

/// What a key that was not asked for meanwhile counts: not less than it should, nor beyond its window.
#[test]
fn a_clock_put_back_while_others_ask() {
    let (dir, clock) = (Dir::new(), ManualClock::new());
    clock.set(YEAR);
    let store = at(&clock, &dir);
    let rate = Rate::per_minute(5);
    assert_eq!(drain(&store, "ann", rate, 9), 5);
    set_back(&clock, HOUR);
    assert_eq!(drain(&store, "bob", rate, 9), 5);
    clock.advance(Duration::from_secs(59));
    assert_eq!(drain(&store, "bob", rate, 9), 0);
    assert_eq!(
        drain(&store, "ann", rate, 9),
        0,
        "a key and all keys are each judged by their own last write"
    );
    clock.advance(Duration::from_secs(2));
    assert_eq!(drain(&store, "bob", rate, 9), 5);
    clock.advance(Duration::from_secs(59));
    assert_eq!(drain(&store, "ann", rate, 9), 5);
}

/// Steps of all sizes, forth and back, between calls: by the time that really passed no window holds more than the amount,
/// but for what may start again when the clock is put forward.
#[test]
fn steps_back_never_admit_more() {
    let mut dice = Dice::new(11);
    for round in 0..40 {
        let (dir, clock) = (Dir::new(), ManualClock::new());
        clock.set(YEAR);
        let store = at(&clock, &dir);
        let (rate, window) = (Rate::new(4, Duration::from_secs(10)), 10_000_u64);
        let mut passed = 0_u64;
        let mut starts: Vec<u64> = Vec::new();
        for _ in 0..120 {
            let pass = dice.below(3_000);
            passed += pass;
            clock.advance(Duration::from_millis(pass));
            if dice.one_in(4) {
                let by = dice.below(100_000);
                set_back(&clock, Duration::from_millis(by));
            }
            if takes(&store, "ann", rate).expect("an answer") {
                starts.push(passed);
            }
        }
        for start in &starts {
            let within = starts.iter().filter(|other| (*start..=*start + window).contains(other)).count();
            assert!(within <= 4, "round {round}: {within} from {start}");
        }
        assert!(starts.len() > 10, "round {round}: {starts:?}");
    }
}

/// Starts are counted by the wall clock's microseconds.
#[test]
fn the_wall_clock_is_the_stores() {
    #[expect(clippy::disallowed_methods, reason = "it is what is compared with")]
    fn wall() -> u64 {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
        u64::try_from(now.as_micros()).expect("not so long")
    }
    let dir = Dir::new();
    let store = open(&dir.file());
    for _ in 0..10 {
        let before = wall();
        let answer = play(&store, &Ask::to_acquire(("api", None), &[amount(10)], &[], 1)).expect("an answer");
        let start = answer.start().expect("a start");
        assert!((before..=wall()).contains(&start));
    }
}

/// `retry_after` is exact, by the store's time.
#[test]
fn who_is_refused_is_told_when_to_come() {
    let (dir, clock) = (Dir::new(), ManualClock::new());
    clock.set(YEAR);
    let store = at(&clock, &dir);
    for rate in [Rate::per_minute(5), Rate::per_minute(5).fixed(), Rate::per_minute(5).burst(5)] {
        let key = rate.to_string();
        assert_eq!(drain(&store, &key, rate, 5), 5);
        clock.advance(Duration::from_secs(1));
        let ask = Ask::to_acquire(("api", Some(&key)), &[rate], &[], 1);
        let wait = play(&store, &ask).expect("an answer").retry_after().expect("a time");
        clock.advance(wait.saturating_sub(Duration::from_micros(1)));
        assert!(!takes(&store, &key, rate).expect("an answer"), "{rate}");
        clock.advance(Duration::from_micros(1));
        assert!(takes(&store, &key, rate).expect("an answer"), "{rate}");
    }
}

/// Whether or not it has been deleted yet: what a state said that need not be kept is forgotten, here that it was of the
/// next generation.
#[test]
fn what_is_over_is_forgotten() {
    let (dir, clock) = (Dir::new(), ManualClock::new());
    clock.set(YEAR);
    let store = Arc::new(at(&clock, &dir));
    let declared = |rate, generation| {
        Bucket::named("api", rate).generation(generation).store(Arc::clone(&store)).clock(clock.clone())
    };
    let started = |bucket: &Bucket| (0..9).filter(|_| bucket.try_acquire().is_ok()).count();
    assert_eq!(started(&declared(Rate::per_second(2), 1)), 2);
    assert_eq!(started(&declared(Rate::per_second(5), 0)), 0);
    clock.advance(Duration::from_millis(1_500));
    assert_eq!(started(&declared(Rate::per_second(5), 0)), 2, "the higher generation's limit");
    clock.advance(Duration::from_secs(10));
    assert_eq!(started(&declared(Rate::per_second(5), 0)), 5);
}

/// One start a minute; it relies on what is promised to it, that time never goes back.
#[derive(Clone, Debug, Default)]
struct OneAMinute {
    last: Option<Timestamp>,
}

impl OneAMinute {
    fn free_at(&self) -> Timestamp {
        self.last.map_or(Timestamp::ZERO, |last| last.saturating_add(Duration::from_secs(60)))
    }
}

impl Policy for OneAMinute {
    fn earliest(&self, now: Timestamp, weight: u32) -> Earliest {
        assert!(self.last <= Some(now));
        if weight > 1 { Earliest::Never } else { Earliest::At(self.free_at().max(now)) }
    }

    fn commit(&mut self, now: Timestamp, _weight: u32) {
        assert!(self.last <= Some(now));
        self.last = Some(now);
    }

    fn settle(&mut self, _start: Timestamp, _now: Timestamp, _weight: u32, _outcome: &Outcome) {}

    fn idle_at(&self) -> Option<Timestamp> {
        Some(self.free_at())
    }

    fn fork(&self) -> Box<dyn Policy> {
        Box::new(self.clone())
    }

    fn save(&self) -> Option<Vec<u8>> {
        Some(self.last.map_or(0, Timestamp::as_nanos).to_le_bytes().to_vec())
    }

    fn load(&self, bytes: &[u8]) -> Option<Box<dyn Policy>> {
        let last = u64::from_le_bytes(bytes.try_into().ok()?);
        Some(Box::new(OneAMinute { last: (last > 0).then(|| Timestamp::from_nanos(last)) }))
    }
}

/// For a policy of the user's own, whose times nobody can make earlier, as for any other.
#[test]
fn a_clock_put_back_under_a_policy_of_ones_own() {
    let (dir, clock) = (Dir::new(), ManualClock::new());
    clock.set(YEAR);
    let store = Arc::new(at(&clock, &dir));
    // Each time another process.
    let starts = || {
        let bucket = Bucket::with_policy("api", OneAMinute::default()).store(Arc::clone(&store));
        match bucket.clock(clock.clone()).try_acquire() {
            Ok(_) => true,
            Err(error) if error.kind() == ErrorKind::Limited => false,
            Err(error) => panic!("{error}"),
        }
    };
    assert_eq!([starts(), starts()], [true, false]);
    for _ in 0..3 {
        set_back(&clock, HOUR);
        assert!(!starts());
        clock.advance(Duration::from_secs(59));
        assert!(!starts());
        clock.advance(Duration::from_secs(1));
        assert_eq!([starts(), starts()], [true, false]);
    }
}
