//! What the store should know and does not, and what is put back.

use std::time::Duration;

use super::Promise;
use super::lab::{Found, Lab, ask, at_once, ensure, hourly, pause};
use crate::store::ask::{Known, Part, Said, Verb};

pub(super) fn lost_and_put_back(lab: &Lab<'_>) -> Found {
    let (bucket, limit) = (lab.bucket(), hourly(5));
    let part = bucket.unkeyed(&limit);
    let [one, other] = lab.handles();
    let lost = Part { known: Known { born: 7, written: 1 }, ..part.clone() };
    let said = one.one(&[&lost], at_once(1))?;
    ensure(said == Said::Lost, Promise::AsJudged, || {
        format!("a call that knows of a state that is not there was answered by {said:?}")
    })?;
    let used = other.used(&part)?;
    ensure(used == [0], Promise::AsJudged, || format!("a call that was told of a loss took {used:?}"))?;
    // What that process has started, as a record of its own.
    let now = one.now(&bucket.key("scratch", &limit))?;
    let charge = ask(&[&part], Verb::Charge { weight: 4 });
    let judged = charge.judge(Duration::from_micros(now), &[None]);
    let record =
        judged.ok().and_then(|judged| judged.writes().next().flatten().map(|write| write.state().to_vec()));
    let restore = Verb::Restore { records: vec![record], lost: true };
    let (written, [born, _]) = one.done(&[&lost], restore.clone())?;
    let used = other.used(&part)?;
    ensure(used == [4], Promise::AsJudged, || format!("4 were put back, and {used:?} is used"))?;
    // Now it is known, and what is known is not put back again.
    let known = Part { known: Known { born, written }, ..part.clone() };
    one.done(&[&known], restore)?;
    let granted = [one.takes(&[&known], 1)?, other.takes(&[&known], 1)?];
    ensure(granted == [true, false], Promise::AsJudged, || {
        format!("4 of 5/h were put back, two more were asked for, and {granted:?} was said")
    })?;
    // A state that is older than what was seen of it: no clock was put back.
    pause(Duration::from_millis(2));
    let written = one.now(&bucket.key("scratch", &limit))?;
    let ahead = Part { known: Known { born, written }, ..part };
    let said = other.one(&[&ahead], at_once(1))?;
    ensure(said == Said::Lost, Promise::AsJudged, || {
        format!("a call that knows of a later write than there was was answered by {said:?}")
    })
}
