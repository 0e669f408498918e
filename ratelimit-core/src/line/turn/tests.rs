//! The one alarm of a bucket on the system's clock: as few as will do, and none too late.

use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use super::{Effects, State};
use crate::limits::Limits;
use crate::line::learning::Origin;
use crate::line::{Ask, Entered};
use crate::rate::Rate;
use crate::time::Timestamp;

const MS: u64 = 1_000_000;

fn at(nanos: u64) -> Timestamp {
    Timestamp::from_nanos(nanos)
}

/// One a millisecond.
fn rate() -> Rate {
    Rate::per_second(1000).burst(100)
}

/// A bucket on the system's clock from which all was just taken, at zero.
fn empty() -> State {
    let mut limits = Limits::of(rate());
    limits.set_guard(Duration::ZERO);
    let mut state = State::new(limits.validate(None).expect("limits that can be"));
    let entered = enter(&mut state, 100, 0);
    assert!(matches!(entered, Entered::Granted(_)), "{entered:?}");
    state
}

fn enter(state: &mut State, weight: u32, max_delay: u64) -> Entered {
    let ask = Ask { key: None, origin: Origin::default(), weight, max_delay, began: None };
    let reading = state.read(at(0));
    state.enter(ask, &mut Some(Waker::noop().clone()), reading, &mut Effects::default())
}

fn waits(state: &mut State, max_delay: u64) {
    let entered = enter(state, 1, max_delay);
    assert!(matches!(entered, Entered::Waits(_)), "{entered:?}");
}

/// When the line is looked at next, in nanoseconds, after a look at zero.
fn next_look(state: &mut State) -> Option<u64> {
    let reading = state.read(at(0));
    state.settle(None, reading, &mut Effects::default());
    state.agenda.first().map(|(at, _)| at.as_nanos())
}

#[test]
fn where_several_wait_the_first_may_be_told_as_late_as_nothing_is_lost_by_it() {
    let leeway = rate().leeway(1, 0);
    assert!(leeway > MS);
    let mut state = empty();
    assert_eq!(next_look(&mut state), None);
    waits(&mut state, u64::MAX);
    assert_eq!(next_look(&mut state), Some(MS), "alone it is told in time");
    waits(&mut state, u64::MAX);
    assert_eq!(next_look(&mut state), Some(MS + leeway));
    // Another clock's sleeps may end exactly in time.
    state.seen = Some(Arc::default());
    assert_eq!(next_look(&mut state), Some(MS));
}

#[test]
fn nobody_is_told_after_its_allowance() {
    let mut state = empty();
    waits(&mut state, MS + 7);
    waits(&mut state, u64::MAX);
    assert_eq!(next_look(&mut state), Some(MS + 7));
}

#[test]
fn an_alarm_that_rings_before_is_kept_on_the_system_s_clock_alone() {
    let asked = |state: &mut State, next: Option<u64>| {
        state.agenda = next.map(|next| (at(next), None)).into_iter().collect();
        let mut effects = Effects::default();
        state.set_alarm(&mut effects);
        effects.alarm.map(|(request, at)| (request, at.map(Timestamp::as_nanos)))
    };
    let mut state = empty();
    assert_eq!(asked(&mut state, Some(50)), Some((1, Some(50))));
    assert_eq!(asked(&mut state, Some(50)), None);
    assert_eq!(asked(&mut state, Some(80)), None, "it rings before");
    assert_eq!(asked(&mut state, Some(49)), Some((2, Some(49))));
    assert_eq!(asked(&mut state, None), Some((3, None)));
    state.seen = Some(Arc::default());
    assert_eq!(asked(&mut state, Some(50)), Some((4, Some(50))));
    assert_eq!(asked(&mut state, Some(80)), Some((5, Some(80))));
}

#[test]
fn how_late_alarms_are_is_remembered_and_fades() {
    let mut state = empty();
    let mut ring = |due: u64, now: u64| {
        state.alarm.at = Some(at(due));
        let reading = state.read(at(now));
        state.ring(reading, &mut Effects::default());
        state.alarm.late
    };
    assert_eq!(ring(100, 110), 10);
    assert_eq!(ring(200, 200), 5);
    assert_eq!(ring(300, 303), 3);
    assert_eq!(ring(400, 401), 1);
}
