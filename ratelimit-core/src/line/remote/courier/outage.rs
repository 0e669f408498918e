//! What a bucket does while its store is away.

use std::sync::Arc;
use std::time::Duration;

use super::desk::Desk;
use super::lock;
use super::mirror::{Mirror, is_start};
use super::states::Kept;
use super::trip::no_room;
use crate::limits::Valid;
use crate::line::KeyId;
use crate::policy::Guarded;
use crate::store::{Acquire, Answer, Ask, Failure, KEEP, Known, OnOutage, Part, Record, Said, Verb, Written};

/// What is answered in a store's place.
enum Alone {
    Said(Said),
    /// What the process's own share says to that ask, at that time, by those states.
    Judge(Box<Ask>, u64, Vec<Option<Vec<u8>>>),
}

impl Desk {
    /// What is answered in the store's place; `None` = nothing is.
    pub(super) fn play_alone(&self, ask: &Ask, key: KeyId) -> Option<Result<Said, Failure>> {
        let mut mirror = lock(&self.mirror);
        let alone = mirror.alone(ask, key)?;
        if is_start(&ask.verb) && matches!(alone, Alone::Judge(..)) && !mirror.has_room_alone(key) {
            return Some(Err(no_room()));
        }
        drop(mirror);
        let (mut said, own) = match alone {
            Alone::Said(said) => (said, None),
            // A user's policy runs here.
            Alone::Judge(alone, now, states) => match judge(&alone, now, &states) {
                Ok((said, own)) => (said, own),
                Err(failure) => return Some(Err(failure)),
            },
        };
        let mut mirror = lock(&self.mirror);
        if let (Said::Never { rate: Some(_), .. }, Verb::Acquire(Acquire { weight, after, .. })) =
            (&said, &ask.verb)
            && *weight <= mirror.plans.most
        {
            // Only the share is too small for it: who asks for later may ask for others as well, and will ask for itself.
            return (*after > 0).then_some(Ok(Said::Later { wait: *after }));
        }
        if let Said::Granted { start, now, .. } = &mut said {
            // Counted too early it would stop counting too early.
            *start = (*start).max(now.saturating_add(mirror.times.doubt()));
        }
        mirror.note_alone(ask, key, &said);
        if let Some(own) = own {
            mirror.alone.put(key, own);
        }
        Some(Ok(said))
    }
}

impl Mirror {
    /// Whether another state of a user's policy may be kept, if there is one.
    fn has_room_alone(&mut self, key: KeyId) -> bool {
        let has_own = self.plans.share.as_ref().is_some_and(|share| share.key.own.is_some());
        let now = self.now();
        !has_own || self.alone.have_room(key, now, self.max_keys)
    }

    fn alone(&self, ask: &Ask, key: KeyId) -> Option<Alone> {
        let now = self.now();
        let held = self.heeded.holds_up(&ask.verb, key, now).map(Alone::Said);
        if held.is_some() && self.plans.manner != OnOutage::Deny {
            return held;
        }
        match (self.plans.manner, &ask.verb) {
            (OnOutage::Allow, Verb::Acquire(Acquire { after: 0, .. }) | Verb::Charge { .. }) => {
                Some(Alone::Said(Said::Granted { wait: 0, start: now, now, born: [0; 2] }))
            }
            (OnOutage::Allow, Verb::Acquire(Acquire { after, .. })) => {
                Some(Alone::Said(Said::Later { wait: *after }))
            }
            // What is reset here alone would still count there.
            (OnOutage::Local { .. }, verb) if !matches!(verb, Verb::Reset | Verb::ResetKey) => {
                self.judge_alone(ask, key, now)
            }
            _ => None,
        }
    }

    fn judge_alone(&self, ask: &Ask, key: KeyId, now: u64) -> Option<Alone> {
        let share = self.plans.share.as_ref()?;
        let plans = std::iter::once(&share.key).chain(&share.total);
        let has_limits = plans.clone().any(|plan| !plan.declared.is_empty() || plan.own.is_some());
        if ask.windows.is_some() && matches!(ask.verb, Verb::Acquire(_)) && !has_limits {
            // Nobody can tell a share of what only the server knows.
            return None;
        }
        let alone = |(part, plan): (&Part, &Arc<_>)| Part::of(part.entry.clone(), plan, Known::default());
        let parts = ask.parts.iter().zip(plans).map(alone).collect();
        // What this process has started before counts from its share.
        let written = |share: &Record| share.write(now).map(|(bytes, _)| bytes);
        let share = || self.keys.get(&key)?.share.as_ref().and_then(written);
        let of_key = self.alone.get(key).or_else(share);
        let of_all = self.total.as_ref().and_then(|total| total.share.as_ref()).and_then(written);
        let mut alone = Ask::of(parts, ask.verb.clone());
        // It is answered at once, and by so much it may be later there. Windows are not remembered for longer.
        alone.set_slack(self.times.doubt().min(KEEP));
        Some(Alone::Judge(alone.into(), now, vec![of_key, of_all]))
    }
}

/// What is said, and the state of a user's policy if one has changed.
fn judge(ask: &Ask, now: u64, states: &[Option<Vec<u8>>]) -> Result<(Said, Option<Kept>), Failure> {
    let states: Vec<Option<&[u8]>> = states.iter().map(Option::as_deref).collect();
    let judged = ask.judge(Duration::from_micros(now), &states)?;
    let has_own = ask.parts.first().is_some_and(|part| part.plan.own.is_some());
    let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    let kept = |written: &Written| {
        let until = now.saturating_add(micros(written.keep_for()));
        Kept { state: written.state().to_vec(), until }
    };
    let own = judged.writes().next().flatten().filter(|_| has_own).map(kept);
    let Answer(said) = judged.into_answer();
    Ok((said, own))
}

/// The share of `limits` that a process keeps to by itself, or, where all calls start, under which it counts them.
pub(super) fn share_of(limits: &Valid) -> Option<Valid> {
    let share = match limits.sharing.on_outage {
        OnOutage::Local { share } => share,
        OnOutage::Allow => return Some(limits.clone()),
        OnOutage::Deny => return None,
    };
    let part = |rates: &[Guarded]| -> Box<[Guarded]> {
        rates.iter().map(|guarded| part_of(*guarded, share)).collect()
    };
    Some(Valid { rates: part(&limits.rates), totals: part(&limits.totals), ..limits.clone() })
}

/// A part of that rate: of its amount and its burst, rounded down, but at least 1.
#[expect(
    clippy::float_arithmetic,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the share is a part of 1"
)]
fn part_of(guarded: Guarded, share: f64) -> Guarded {
    let of = |amount: u32| ((f64::from(amount) * share) as u32).max(1);
    Guarded { rate: guarded.rate.with_amounts(of), ..guarded }
}
