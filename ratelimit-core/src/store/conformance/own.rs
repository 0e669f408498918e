//! A policy of the user's own, and states that are of no use.

use super::Promise;
use super::lab::{Found, Lab, ask, at_once, ensure, hourly, own_plan, unexpected};
use super::together::race;
use crate::policy::{Earliest, Outcome, Policy, Prototype};
use crate::store::ask::{Said, Verb};
use crate::time::Timestamp;

/// So much for ever, but for what is given back.
#[derive(Clone, Debug)]
struct Allotment {
    amount: u32,
    taken: u32,
    is_saved: bool,
}

impl Policy for Allotment {
    fn earliest(&self, now: Timestamp, weight: u32) -> Earliest {
        if weight > self.amount {
            Earliest::Never
        } else if self.taken.saturating_add(weight) <= self.amount {
            Earliest::At(now)
        } else {
            Earliest::WhenSettled
        }
    }

    fn commit(&mut self, _now: Timestamp, weight: u32) {
        self.taken = self.taken.saturating_add(weight);
    }

    fn settle(&mut self, _start: Timestamp, _now: Timestamp, weight: u32, outcome: &Outcome) {
        if let Outcome::Refund(given) = outcome {
            self.taken = self.taken.saturating_sub(weight.min(*given));
        }
    }

    fn idle_at(&self) -> Option<Timestamp> {
        (self.taken == 0).then_some(Timestamp::ZERO)
    }

    fn fork(&self) -> Box<dyn Policy> {
        Box::new(self.clone())
    }

    fn save(&self) -> Option<Vec<u8>> {
        self.is_saved.then(|| self.taken.to_le_bytes().to_vec())
    }

    fn load(&self, bytes: &[u8]) -> Option<Box<dyn Policy>> {
        let taken = u32::from_le_bytes(bytes.try_into().ok()?);
        Some(Box::new(Allotment { taken, ..*self }))
    }
}

pub(crate) fn allotment(is_saved: bool) -> Prototype {
    Prototype::new(Allotment { amount: 20, taken: 0, is_saved })
}

/// Threads race for it, as for any other.
pub(super) fn saved_and_loaded(lab: &Lab<'_>) -> Found {
    let (bucket, own) = (lab.bucket(), allotment(true));
    let (part, total) = (bucket.key("ann", &own_plan(&[], Some(&own))), bucket.total(&hourly(1_000)));
    let parts = [&part, &total];
    let handles = lab.handles::<4>();
    let granted = race(&handles, |_, handle| {
        let mut starts = Vec::new();
        for _ in 0..10 {
            if let Said::Granted { start, .. } = handle.one(&parts, at_once(1))? {
                starts.push(start);
            }
        }
        Ok(starts)
    })?;
    let starts = granted.concat();
    ensure(starts.len() == 20, Promise::OneAtATime, || {
        format!("4 handles raced for the 20 that a user's policy has, and {} were let start", starts.len())
    })?;
    let [one, other, ..] = &handles;
    let refused = one.refused(&parts, 1)?;
    ensure(refused.retry_after.is_none() && refused.rate.is_none(), Promise::AsJudged, || {
        format!("a policy that does not know when refused, and {refused:?} was said")
    })?;
    let Some(start) = starts.first().copied() else { return Ok(()) };
    other.done(&parts, Verb::Refund { start, weight: 1, given: 1, born: [0; 2] })?;
    ensure(one.takes(&parts, 1)? && !other.takes(&parts, 1)?, Promise::AsJudged, || {
        "1 was given back to a user's policy, and not 1 was let start".to_owned()
    })?;
    let used = other.used(&total)?;
    ensure(used == [20], Promise::OneAtATime, || {
        format!("20 were let start, and {used:?} of the total is taken")
    })
}

/// An error of that ask, and of no other.
pub(super) fn not_saved(lab: &Lab<'_>) -> Found {
    let bucket = lab.bucket();
    let (bad, good) =
        (bucket.key("bad", &own_plan(&[], Some(&allotment(false)))), bucket.key("good", &hourly(10)));
    alone(lab, [&good, &bad], "whose policy cannot be saved")
}

/// What another program has written whose policy this one does not know.
pub(super) fn unreadable(lab: &Lab<'_>) -> Found {
    let bucket = lab.bucket();
    let theirs = bucket.key("bad", &own_plan(&[], Some(&allotment(true))));
    let (bad, good) = (bucket.key("bad", &hourly(10)), bucket.key("good", &hourly(10)));
    lab.handle().charge(&[&theirs], 20)?;
    alone(lab, [&good, &bad], "that cannot be read")?;
    let handle = lab.handle();
    let together = [ask(&[&bad, &good], Verb::Reset), ask(&[&good, &bad], Verb::Charge { weight: 1 })];
    let answers = handle.play(&together)?;
    ensure(answers.iter().all(Result::is_err), Promise::AsJudged, || {
        format!("asks of an entry that cannot be read, and another, were answered by {answers:?}")
    })?;
    let used = handle.used(&good)?;
    ensure(used == [2], Promise::OneAtATime, || {
        format!("2 were taken, and, where another entry cannot be read, {used:?} is used")
    })?;
    match handle.one(&[&theirs], at_once(1))? {
        Said::Refused(_) => Ok(()),
        said => unexpected("a call by the policy that knows the state", &said),
    }
}

fn alone(lab: &Lab<'_>, [good, bad]: [&crate::store::ask::Part; 2], what: &str) -> Found {
    let handle = lab.handle();
    let charge = |part| ask(&[part], Verb::Charge { weight: 1 });
    let answers = handle.play(&[charge(good), charge(bad), charge(good)])?;
    let are_alone = matches!(answers.as_slice(), [Ok(_), Err(_), Ok(_)]);
    ensure(are_alone, Promise::AsJudged, || {
        format!("an ask of a state {what} is an error, and those beside it are not: {answers:?}")
    })?;
    let is_outage = answers.iter().any(|answer| matches!(answer, Err(failure) if failure.is_outage()));
    ensure(!is_outage, Promise::AsJudged, || {
        format!("the failure of a state {what} was not given back as judging gave it: {answers:?}")
    })?;
    let used = handle.used(good)?;
    ensure(used == [2], Promise::NothingTwice, || {
        format!("2 were charged beside an ask of a state {what}, and {used:?} is used")
    })
}
