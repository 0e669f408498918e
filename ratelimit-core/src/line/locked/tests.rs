//! When a call may go by the short ways: through the gate, or where nobody but the policies has to be asked.

use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use super::{Shared, lock};
use crate::clock::{Clock, ClockHandle, ManualClock, SystemClock};
use crate::key::Digest;
use crate::limits::Limits;
use crate::line::learning::Origin;
use crate::line::{Ask, Declared, Defaults, Entered, KeyId, Passage};
use crate::pace::Pace;
use crate::policy::{LeakyBucket, Prototype};
use crate::rate::Rate;
use crate::time::Timestamp;

fn burst() -> Rate {
    Rate::per_second(1).burst(2)
}

struct World {
    clock: ManualClock,
    shared: Arc<Shared>,
}

impl World {
    fn new(mut limits: Limits) -> Self {
        limits.set_guard(Duration::ZERO);
        let clock = ManualClock::new();
        let defaults = Defaults { clock: ClockHandle::new(clock.clone()), ..Defaults::default() };
        let declared = Declared::new(limits, None);
        let name = Arc::new("b".to_owned().into());
        let shared = Shared::new(name, declared, None, &defaults).expect("limits that can be");
        let world = World { clock, shared };
        world.look();
        world
    }

    /// Takes the lock at the present time, and nothing else.
    fn look(&self) {
        let _ = self.shared.peek(None, Origin::default(), 1);
    }

    fn waits(&self, key: KeyId) {
        let ask = Ask { key, origin: Origin::default(), weight: 2, max_delay: u64::MAX, began: None };
        let entered = loop {
            let entered = self.shared.enter(ask, &mut Some(Waker::noop().clone()));
            self.shared.finish(entered.rest);
            if !matches!(entered.result, Entered::Granted(_)) {
                break entered.result;
            }
        };
        assert!(matches!(entered, Entered::Waits(_)), "{entered:?}");
    }

    /// Whether the gate decides, and from when on nobody but the policies has to be asked, in nanoseconds.
    fn short_ways(&self) -> (bool, Option<u64>) {
        let calm = lock(&self.shared.state).calm_from;
        (!self.shared.gate.is_shut(), calm.map(Timestamp::as_nanos))
    }
}

#[test]
fn one_token_bucket_that_nothing_holds_up_is_at_the_gate() {
    assert_eq!(World::new(Limits::of(burst())).short_ways(), (true, Some(0)));
    let with = |change: fn(&mut Limits)| {
        let mut limits = Limits::of(burst());
        change(&mut limits);
        World::new(limits).short_ways()
    };
    assert_eq!(with(|limits| limits.add(Rate::per_hour(9))), (false, Some(0)));
    assert_eq!(with(|limits| limits.add_total(Rate::per_hour(9))), (false, Some(0)));
    assert_eq!(with(|limits| limits.set_in_flight(1)), (false, None));
    let own = Limits::own(Prototype::new(LeakyBucket::new(10.0, 5.0)));
    assert_eq!(World::new(own).short_ways(), (false, None));
}

#[test]
fn who_waits_shuts_the_gate_for_those_behind_it_alone() {
    let world = World::new(Limits::of(burst()));
    world.waits(Some(Digest::of(1, 2)));
    assert_eq!(world.short_ways(), (true, None));
    world.waits(None);
    assert_eq!(world.short_ways(), (false, None));
}

#[test]
fn a_pause_shuts_the_gate_until_it_is_over() {
    let world = World::new(Limits::of(burst()));
    world.shared.pause(Duration::from_nanos(5)).expect("open");
    assert_eq!(world.short_ways(), (false, Some(5)));
    world.clock.advance(Duration::from_nanos(4));
    world.look();
    assert_eq!(world.short_ways(), (false, Some(5)));
    world.clock.advance(Duration::from_nanos(1));
    world.look();
    assert_eq!(world.short_ways(), (true, Some(5)));
}

#[test]
fn a_slow_pace_and_the_end_shut_the_gate() {
    let world = World::new(Limits::of(burst()));
    world.shared.set_pace(Pace::Slow);
    assert!(!world.short_ways().0);
    world.shared.set_pace(Pace::Normal);
    assert_eq!(world.short_ways(), (true, Some(0)));
    world.shared.close();
    assert_eq!(world.short_ways(), (false, None));
}

/// Under each limits it decides by their numbers.
#[test]
fn the_gate_decides_by_the_limits_in_force() {
    let world = World::new(Limits::of(burst()));
    let refused = |expected: Rate, wait: u64| {
        let passage = world.shared.decide(1);
        assert!(
            matches!(passage, Passage::Refused(rate, due) if (rate, due) == (expected, wait)),
            "{passage:?}"
        );
    };
    for rate in [burst(), Rate::per_minute(1).burst(3), burst()] {
        let mut limits = Limits::of(rate);
        limits.set_guard(Duration::ZERO);
        let declared = Declared::new(limits, None);
        drop(world.shared.redeclare(declared, &Defaults::default()).expect("limits that can be"));
        world.shared.apply(None, None);
        world.shared.reset().expect("open");
        for _ in 0..rate.max_weight() {
            assert!(matches!(world.shared.decide(1), Passage::Granted(_)), "{rate}");
        }
        refused(rate, u64::try_from(rate.per().as_nanos()).expect("short"));
        // Under the same terms again, from under the lock.
        world.look();
        refused(rate, u64::try_from(rate.per().as_nanos()).expect("short"));
    }
}

/// Where nobody waits and nothing holds the bucket up, the policies alone are asked.
#[test]
fn a_calm_bucket_grants_at_once_and_no_other_does() {
    let world = World::new(Limits::of(Rate::per_second(2)));
    let takes = |weight| {
        let now = world.clock.now();
        lock(&world.shared.state).take(None, weight, now, 0).map(|(start, _)| start)
    };
    world.shared.pause(Duration::from_nanos(5)).expect("open");
    assert_eq!(takes(1), None, "paused");
    world.clock.advance(Duration::from_nanos(4));
    assert_eq!(takes(1), None, "paused");
    world.clock.advance(Duration::from_nanos(1));
    assert_eq!(takes(1), Some(world.clock.now()));
    assert_eq!(takes(0), None, "that takes nothing");
    assert_eq!(takes(2), None, "it does not fit");
    assert_eq!(takes(1), Some(world.clock.now()));
    world.waits(None);
    world.clock.advance(Duration::from_secs(9));
    assert_eq!(takes(1), None, "somebody is before it");
}

/// By the system's coarse clock, where it has one, and only where the guard covers by how much that lags.
#[test]
fn a_coarse_reading_grants_at_once_where_the_guard_covers_it() {
    if ClockHandle::System.grain().is_none() {
        return;
    }
    let shared = |rate: Rate, guard| {
        let mut limits = Limits::of(rate);
        limits.set_guard(guard);
        let declared = Declared::new(limits, None);
        let name = Arc::new("b".to_owned().into());
        let shared = Shared::new(name, declared, None, &Defaults::default()).expect("limits that can be");
        let _ = shared.peek(None, Origin::default(), 1);
        // Its time begins there, which coarse readings reach within a grain.
        let began = SystemClock.now();
        while SystemClock::coarse() < began {
            std::thread::yield_now();
        }
        shared
    };
    let key = Some(Digest::of(1, 2));
    let guard = Duration::from_secs(1);
    let sliding = shared(Rate::per_hour(9), guard);
    assert!(sliding.pass(1).is_some() && sliding.take(None, 1).is_some() && sliding.take(key, 1).is_some());
    let burst = shared(Rate::per_hour(9).burst(9), guard);
    assert!(burst.pass(1).is_some() && burst.take(key, 1).is_some());
    assert!(burst.take(None, 1).is_none(), "its state is in the gate");
    for exact in [Rate::per_hour(9), Rate::per_hour(9).burst(9)] {
        let exact = shared(exact, Duration::ZERO);
        assert!(exact.pass(1).is_none() && exact.take(None, 1).is_none() && exact.take(key, 1).is_none());
    }
}
