//! Each verb, each kind of limits, and starts that are reserved.

use std::time::Duration;

use super::Promise;
use super::lab::{Found, Lab, at_once, ensure, hourly, plan, unexpected};
use crate::error::ErrorScope;
use crate::rate::Rate;
use crate::store::ask::{Acquire, Said, Verb};

pub(super) fn each_verb(lab: &Lab<'_>) -> Found {
    let part = lab.bucket().key("ann", &hourly(3));
    let parts = [&part];
    let [one, other] = lab.handles();
    let is = |used: u32, when: &str| {
        for handle in [&one, &other] {
            let seen = handle.used(&part)?;
            ensure(seen == [used], Promise::AsJudged, || {
                format!("{when} {used} is used of 3/h, and {seen:?} is seen")
            })?;
        }
        Ok(())
    };
    is(0, "of what nobody has used")?;
    ensure(one.takes(&parts, 2)?, Promise::AsJudged, || "2 of 3/h were refused".to_owned())?;
    is(2, "after taking 2")?;
    let refused = other.refused(&parts, 2)?;
    let by = (refused.rate, refused.scope);
    ensure(by == (Some(Rate::per_hour(3)), ErrorScope::Key), Promise::AsJudged, || {
        format!("3/h refused, and said {by:?}")
    })?;
    is(2, "after a refusal")?;
    match other.one(&parts, at_once(4))? {
        Said::Never { .. } => is(2, "after asking for too much")?,
        said => return unexpected("a weight above the limit", &said),
    }
    let start = other.charge(&parts, 5)?;
    is(7, "after charging 5")?;
    one.done(&parts, Verb::Refund { start, weight: 5, given: 4, born: [0; 2] })?;
    is(3, "after giving back 4")?;
    ensure(!one.takes(&parts, 1)?, Promise::AsJudged, || "1 more than 3/h was let start".to_owned())?;
    other.done(&parts, Verb::Reset)?;
    is(0, "after a reset")?;
    ensure(one.takes(&parts, 3)?, Promise::AsJudged, || "3 of 3/h were refused after a reset".to_owned())
}

/// And several rates: each refuses in its turn, and is named.
pub(super) fn each_kind(lab: &Lab<'_>) -> Found {
    let bucket = Rate::per_minute(1).burst(7);
    let (window, fixed) = (Rate::per_hour(5), Rate::per_day(9).fixed());
    let [one, other] = lab.handles();
    for (rates, most, by) in [
        (&[window][..], 5, window),
        (&[bucket], 7, bucket),
        (&[fixed], 9, fixed),
        (&[fixed, bucket, window], 5, window),
        (&[window.fixed(), bucket, Rate::per_day(4), fixed], 4, Rate::per_day(4)),
    ] {
        let part = lab.bucket().unkeyed(&plan(rates));
        for taken in 0..most {
            let handle = if taken % 2 == 0 { &one } else { &other };
            ensure(handle.takes(&[&part], 1)?, Promise::AsJudged, || {
                format!("{rates:?} let only {taken} start")
            })?;
        }
        let refused = one.refused(&[&part], 1)?;
        let most_wait = by.per().as_micros() + 1;
        let is_due = refused.retry_after.is_some_and(|wait| wait > 0 && u128::from(wait) <= most_wait);
        ensure(refused.rate == Some(by) && is_due, Promise::AsJudged, || {
            format!("{by} of {rates:?} refuses after {most}, and {refused:?} was said")
        })?;
        let used = other.used(&part)?;
        ensure(used.iter().all(|used| *used == most), Promise::AsJudged, || {
            format!("{most} were let start, and {used:?} is used of {rates:?}")
        })?;
    }
    Ok(())
}

/// Whoever asks later starts later, as far apart as the limit has it, and who reserves nothing is told when to ask.
pub(super) fn reserved_starts(lab: &Lab<'_>) -> Found {
    const WINDOW: u64 = 30_000_000;
    let part = lab.bucket().unkeyed(&plan(&[Rate::new(2, Duration::from_micros(WINDOW))]));
    let handles = lab.handles::<3>();
    let mut starts = Vec::new();
    for handle in handles.iter().cycle().take(12) {
        starts.push(handle.reserve(&[&part], 1)?);
    }
    ensure(starts.is_sorted(), Promise::AsJudged, || {
        format!("starts were not reserved in order: {starts:?}")
    })?;
    let mut pairs = starts.iter().zip(starts.iter().skip(2));
    let are_apart = pairs.all(|(first, third)| *third == first + WINDOW + 1);
    ensure(are_apart, Promise::AsJudged, || format!("of 2 in 30 s starts were reserved at {starts:?}"))?;
    let [one, other, _] = &handles;
    let waits = Acquire { weight: 1, after: 0, slack: 0, allowance: u64::MAX, reserves: false };
    let said = one.one(&[&part], Verb::Acquire(waits))?;
    ensure(matches!(said, Said::Later { wait } if wait > WINDOW), Promise::AsJudged, || {
        format!("a call that has nothing reserved, behind 12 that have, was answered by {said:?}")
    })?;
    // The last gives its place back: the next has it.
    let Some(start) = starts.pop() else { return Ok(()) };
    other.done(&[&part], Verb::Refund { start, weight: 1, given: 1, born: [0; 2] })?;
    let again = one.reserve(&[&part], 1)?;
    ensure(again == start, Promise::AsJudged, || {
        format!("a start at {start} us was given back, and the next was reserved for {again} us")
    })
}
