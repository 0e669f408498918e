//! In order: within a call, and from call to call.

use super::Promise;
use super::lab::{Found, Lab, ask, at_once, ensure, hourly};
use crate::store::ask::{Said, Verb};

pub(super) fn asks_of_one_call(lab: &Lab<'_>) -> Found {
    let (bucket, limit) = (lab.bucket(), hourly(1));
    let (one, other) = (bucket.key("one", &limit), bucket.key("other", &limit));
    let handle = lab.handle();
    ensure(handle.play(&[])?.is_empty(), Promise::InOrder, || "a call of nothing had answers".to_owned())?;
    for _ in 0..5 {
        let said = handle.all(&[
            ask(&[&one], at_once(1)),
            ask(&[&one], at_once(1)),
            ask(&[&other], at_once(1)),
            ask(&[&one], Verb::Reset),
            ask(&[&one], at_once(1)),
            ask(&[&other], at_once(1)),
            ask(&[&one], Verb::Reset),
            ask(&[&other], Verb::Reset),
        ])?;
        let is_as_asked = matches!(
            said.as_slice(),
            [
                Said::Granted { .. },
                Said::Refused(_),
                Said::Granted { .. },
                Said::Done { .. },
                Said::Granted { .. },
                Said::Refused(_),
                Said::Done { .. },
                Said::Done { .. },
            ]
        );
        ensure(is_as_asked, Promise::InOrder, || {
            format!("take, take, take other, reset, take, take other, reset, reset other came to {said:?}")
        })?;
    }
    Ok(())
}

/// Each has its own answer: that of a charge is looked at in a second call, and in the same.
pub(super) fn many_asks_in_one_call(lab: &Lab<'_>) -> Found {
    let (bucket, limit) = (lab.bucket(), hourly(1));
    let parts: Vec<_> = (0..100).map(|key| bucket.key(&key.to_string(), &limit)).collect();
    let mut asks = Vec::new();
    for (weight, part) in (1..).zip(&parts) {
        asks.push(ask(&[part], Verb::Charge { weight }));
        asks.push(ask(&[part], Verb::Peek { weight: 1 }));
    }
    let looks: Vec<_> = parts.iter().map(|part| ask(&[part], Verb::Peek { weight: 1 })).collect();
    let handle = lab.handle();
    let said = handle.all(&asks)?;
    let (first, second) = (said.iter().skip(1).step_by(2), handle.all(&looks)?);
    for (index, (first, second)) in first.zip(&second).enumerate() {
        for said in [first, second] {
            let used = match said {
                Said::Outlook(seen) => seen.iter().flat_map(|seen| &seen.rates).map(|rate| rate.used).sum(),
                _ => 0,
            };
            ensure(used as usize == index + 1, Promise::InOrder, || {
                format!("the look at key {index}, of which {} was taken, was answered by {said:?}", index + 1)
            })?;
        }
    }
    Ok(())
}

/// What a handle has been answered is there for every other.
pub(super) fn call_by_call(lab: &Lab<'_>) -> Found {
    let part = lab.bucket().unkeyed(&hourly(100));
    let handles = lab.handles::<3>();
    for (taken, handle) in (1..=30).zip(handles.iter().cycle()) {
        handle.charge(&[&part], 1)?;
        for other in &handles {
            let used = other.used(&part)?;
            ensure(used == [taken], Promise::InOrder, || {
                format!("after {taken} charges that were answered another handle saw {used:?}")
            })?;
        }
    }
    Ok(())
}
