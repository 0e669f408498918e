//! A record as bytes.
//!
//! It is a head, which tells the limits, and a body. Numbers are little-endian, times the store's microseconds:
//!
//! | part | bytes | what |
//! |---|---|---|
//! | head | 1 | the format's version, 1 |
//! | | 4 | the generation of the limits |
//! | | 1 | how many rates; its highest bit, whether a user's policy stands behind them |
//! | | 17 each | the [rates](crate::policy::saved) |
//! | body | 8 | when it was written last |
//! | | 8 | the newest start, which may be to come |
//! | | 4 | which record of this entry it is: the time at which it was made, cut to 32 bits, whose highest 8 are counted up with each reset; never 0 |
//! | | 4 | until when it is kept, in units of 2^20 microseconds, rounded up |
//! | | .. | the states of the rates |
//! | | 8, 4 and .. | if a user's policy stands behind them: by how much its time is ahead, the length and the bytes of its state |

use std::sync::Arc;

use super::{LONGEST, Record, UNIT};
use crate::policy::saved::{END, Reader, described, put, state_bytes};
use crate::policy::{All, Guarded, own};
use crate::store::Failure;
use crate::store::ask::{HAS_OWN, Plan, VERSION};
use crate::sync::atomic::Ordering;

/// How many bytes of the body are before the states.
pub(crate) const BEFORE_STATES: usize = 24;

impl Record {
    /// The record that these bytes are, under the limits of `plan` at `now`.
    ///
    /// # Errors
    ///
    /// Where they are no such record: nothing is guessed, and nothing reset.
    pub(crate) fn read(plan: &Arc<Plan>, bytes: Option<&[u8]>, now: u64) -> Result<Self, Failure> {
        let Some(bytes) = bytes else { return Ok(Record::fresh(plan)) };
        let body = match bytes.strip_prefix(&*plan.head) {
            Some(body) => Self::body(plan, body),
            None => Self::of_others(plan, bytes, now),
        };
        let mut record = body.ok_or_else(|| unreadable(bytes))?;
        record.go_back(now);
        Ok(record)
    }

    fn body(plan: &Arc<Plan>, bytes: &[u8]) -> Option<Self> {
        let mut bytes = Reader(bytes);
        let (written, newest, born, until) = (bytes.u64()?, bytes.u64()?, bytes.u32()?, bytes.u32()?);
        let rates = All::load_states(&plan.counted, &mut bytes)?;
        let (ahead, own) = match &plan.own {
            Some(prototype) => {
                let ahead = bytes.u64()?;
                let len = usize::try_from(bytes.u32()?).ok()?;
                let own = prototype.load(Some(bytes.take(len)?));
                own::set_aside();
                (ahead, Some(own?))
            }
            None => (0, None),
        };
        // Nothing is taken before what was taken last: a start beyond both is none that was written.
        let last = written.max(newest);
        let is_whole = bytes.0.is_empty()
            && last < END
            && u64::from(until) * UNIT <= written + LONGEST
            && rates.newest_start().is_none_or(|start| start.as_nanos() <= last);
        let plan = Arc::clone(plan);
        is_whole.then_some(Record { plan, rates, own, ahead, back: 0, written, newest, born, until })
    }

    /// A record under other limits: those of a higher generation hold; else all that it remembers counts under `plan`.
    fn of_others(plan: &Arc<Plan>, bytes: &[u8], now: u64) -> Option<Self> {
        let theirs = Arc::new(read_head(bytes, plan)?);
        let own_is_kept = theirs.own.is_some();
        let record = Self::body(&theirs, bytes.strip_prefix(&*theirs.head)?)?;
        if theirs.generation > plan.generation {
            return Some(record);
        }
        let rates = |plan: &Plan| plan.declared.iter().map(|guarded| guarded.rate).collect::<Vec<_>>();
        if theirs.generation == plan.generation && rates(&theirs) != rates(plan) {
            plan.met_others.store(true, Ordering::Relaxed);
        }
        let (own, ahead) = (record.own.clone().filter(|_| own_is_kept), record.ahead);
        let record = record.under(plan, now);
        Some(Record { own: own.or_else(|| record.own.clone()), ahead, ..record })
    }

    /// The bytes of it, and for how many microseconds from `now` they are to be kept; `None` where the user's policy cannot
    /// be saved.
    pub(crate) fn write(&self, now: u64) -> Option<(Vec<u8>, u64)> {
        let of_rates: usize = self.plan.counted.iter().map(|guarded| state_bytes(guarded.rate)).sum();
        let mut bytes = Vec::with_capacity(self.plan.head.len() + BEFORE_STATES + of_rates);
        bytes.extend_from_slice(&self.plan.head);
        put(&mut bytes, self.written, 8);
        put(&mut bytes, self.newest, 8);
        put(&mut bytes, self.born.into(), 4);
        put(&mut bytes, self.until.into(), 4);
        self.rates.save_states(&mut bytes);
        if let Some(own) = &self.own {
            put(&mut bytes, self.ahead, 8);
            let saved = own.save();
            own::set_aside();
            let saved = saved?;
            put(&mut bytes, u64::from(u32::try_from(saved.len()).ok()?), 4);
            bytes.extend(saved);
        }
        Some((bytes, self.kept_for(now)))
    }
}

/// The limits that these bytes tell; guards, which they do not tell, are the longest of `plan` or the usual ones, and a
/// user's policy is that of `plan`.
fn read_head(bytes: &[u8], plan: &Plan) -> Option<Plan> {
    let mut bytes = Reader(bytes);
    let (version, generation, count) = (bytes.take(1)?, bytes.u32()?, bytes.number(1)?);
    let has_own = count & u64::from(HAS_OWN) != 0;
    if version != [VERSION] || has_own && plan.own.is_none() {
        return None;
    }
    let count = count & !u64::from(HAS_OWN);
    let longest = plan.declared.iter().map(|guarded| guarded.guard).max().unwrap_or(0);
    let rates = (0..count).map(|_| {
        let rate = described(&mut bytes)?;
        let guard = longest.max(crate::limits::usual_guard(rate.window_nanos()));
        Some(Guarded { rate, guard: guard.min(rate.window_nanos() / 2) })
    });
    let rates: Vec<Guarded> = rates.collect::<Option<_>>()?;
    Some(Plan::new(generation, &rates, plan.own.as_ref().filter(|_| has_own)))
}

fn unreadable(bytes: &[u8]) -> Failure {
    let what = match bytes.first() {
        Some(&VERSION) => "it is damaged, or of another policy".to_owned(),
        Some(version) => format!("it is of format {version}, and this program knows format {VERSION}"),
        None => "it is empty".to_owned(),
    };
    Failure::of_state(format!("a state in the store cannot be read: {what}"))
}
