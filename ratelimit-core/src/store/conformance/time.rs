//! One time for all, and no longer than it is given.

use std::time::Duration;

use super::Promise;
use super::lab::{Found, Lab, ask, ensure, here, hourly, pause};
use super::together::race;
use crate::store::ask::Verb;

/// Whether anything is answered at all: of a server that is not there it is no use to name a promise.
pub(super) fn reached(lab: &Lab<'_>) -> Result<(), String> {
    let part = lab.bucket().unkeyed(&hourly(1));
    let played = lab.handle().play(&[ask(&[&part], Verb::Peek { weight: 1 })]);
    // What else is wrong with it is the tests' to find.
    match played.ok().and_then(|mut answers| answers.pop()) {
        Some(Err(failure)) => {
            let does = failure.trouble().as_str();
            Err(format!("the store {does}, so that nothing was tested: {failure}"))
        }
        _ => Ok(()),
    }
}

/// Several at once, each given little time: some fail, perhaps, and all return.
pub(super) fn calls_end_in_time(lab: &Lab<'_>) -> Found {
    let part = lab.bucket().unkeyed(&hourly(1));
    let asks = vec![ask(&[&part], Verb::Charge { weight: 1 }); 20];
    let ended = race(&lab.handles::<4>(), |_, handle| {
        (0..5).try_for_each(|_| handle.play_within(&asks, Duration::from_millis(50)).map(drop))
    });
    ended.map(drop)
}

pub(super) fn two_handles_tell_one_time(lab: &Lab<'_>) -> Found {
    let scratch = lab.bucket().unkeyed(&hourly(1));
    let handles = lab.handles::<2>();
    let mut last = 0;
    for handle in handles.iter().cycle().take(40) {
        let now = handle.now(&scratch)?;
        ensure(now >= last, Promise::OneTime, || {
            format!("what one handle did at {last} us another did after it at {now} us")
        })?;
        last = now;
    }
    Ok(())
}

/// As fast as here, as far as that can be seen.
pub(super) fn time_passes(lab: &Lab<'_>) -> Found {
    let scratch = lab.bucket().unkeyed(&hourly(1));
    let handle = lab.handle();
    let before = here();
    let first = handle.now(&scratch)?;
    let between = here();
    pause(Duration::from_millis(60));
    let slept = here();
    let second = handle.now(&scratch)?;
    let (least, most) = ((slept - between) / 1000, (here() - before) / 1000);
    let passed = second.saturating_sub(first);
    let is_close = passed >= least - least / 10 - 5_000 && passed <= most + most / 10 + 5_000;
    ensure(is_close, Promise::OneTime, || {
        format!("{passed} us passed there while {least} to {most} us passed here")
    })
}
