//! What is asked of a store, and what it answers.

mod entry;

use std::sync::Arc;

use super::window::Heard;
use crate::error::ErrorScope;
use crate::limits::{Learning, Valid};
use crate::policy::saved::{self, describe};
use crate::policy::{Guarded, Prototype};
use crate::rate::Rate;
use crate::sync::atomic::AtomicBool;
use crate::time::nanos;

pub use entry::Entry;
pub(crate) use entry::escaped;

/// What is asked of a store about some entries, all of them together or none.
///
/// A store need not know what it is: it has it [judged](Ask::judge).
///
/// # Examples
///
/// What a store reads for it:
///
/// ```
/// use rate_limited::store::{Ask, Entry};
/// use std::collections::HashMap;
///
/// fn read<'a>(ask: &Ask, table: &'a HashMap<Entry, Vec<u8>>) -> Vec<Option<&'a [u8]>> {
///     ask.entries().map(|entry| table.get(entry).map(Vec::as_slice)).collect()
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Ask {
    pub(crate) parts: Vec<Part>,
    /// What is known of the server's windows, after them.
    pub(crate) windows: Option<Box<Windows>>,
    pub(crate) verb: Verb,
}

/// One of the server's windows, and what it says to everybody; where a window gets another name, the one it gets.
#[derive(Clone, Debug)]
pub(crate) struct Windows {
    pub(crate) entry: Entry,
    /// Which window that is.
    pub(crate) window: Box<str>,
    pub(crate) all: Entry,
    /// What the call weighs to the server that is to start, is charged or given back: at half speed it takes more from the
    /// limits.
    pub(crate) weighs: u32,
    pub(crate) learning: Learning,
}

impl Windows {
    /// The longest pause of the server's that anybody waits for.
    pub(crate) fn longest_pause(&self) -> u64 {
        nanos(self.learning.max_pause) / 1000
    }
}

/// One entry that an ask is about.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) entry: Entry,
    pub(crate) plan: Arc<Plan>,
    /// What must still be known there, or the store has lost what it knew.
    pub(crate) known: Known,
}

impl Part {
    pub(crate) fn of(entry: Entry, plan: &Arc<Plan>, known: Known) -> Self {
        Part { entry, plan: Arc::clone(plan), known }
    }
}

/// A record as a process has seen it last, while what that process started counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Known {
    /// Which record it was, as [`Record::born`](super::Record::born); 0 = none need be known.
    pub(crate) born: u32,
    /// When that was written, in the store's microseconds: one that was written before is an older state, unless it is not
    /// that time yet.
    pub(crate) written: u64,
}

/// The limits that an entry is judged by.
#[derive(Debug)]
pub(crate) struct Plan {
    /// Of several versions of a program that run at once, the limits of the highest generation hold.
    pub(crate) generation: u32,
    /// As they were declared.
    pub(crate) declared: Box<[Guarded]>,
    /// The same in microseconds, rounded up: a nanosecond of theirs stands for one.
    pub(crate) counted: Box<[Guarded]>,
    pub(crate) own: Option<Prototype>,
    /// What its records begin with: the format's version, the generation and the rates.
    pub(crate) head: Box<[u8]>,
    /// Whether a record was met of other limits that are of the same generation.
    pub(crate) met_others: AtomicBool,
}

/// The version of the format of records.
pub(crate) const VERSION: u8 = 1;
/// Beside the number of rates: whether a user's policy stands behind them.
pub(crate) const HAS_OWN: u8 = 0x80;

impl Plan {
    pub(crate) fn new(generation: u32, declared: &[Guarded], own: Option<&Prototype>) -> Self {
        let mut head = vec![VERSION];
        saved::put(&mut head, generation.into(), 4);
        // At most eight.
        let count = u8::try_from(declared.len()).unwrap_or(u8::MAX);
        head.push(count | own.map_or(0, |_| HAS_OWN));
        for guarded in declared {
            describe(&mut head, guarded.rate);
        }
        Plan {
            generation,
            declared: declared.into(),
            counted: declared.iter().copied().map(in_micros).collect(),
            own: own.cloned(),
            head: head.into(),
            met_others: AtomicBool::new(false),
        }
    }

    /// The same without a user's policy.
    pub(crate) fn without_own(self: &Arc<Self>) -> Arc<Self> {
        match self.own {
            None => Arc::clone(self),
            Some(_) => Arc::new(Plan::new(self.generation, &self.declared, None)),
        }
    }

    /// Those of a key, and of all keys together if anything bounds them.
    pub(crate) fn of(limits: &Valid) -> (Plan, Option<Plan>) {
        let generation = limits.sharing.generation;
        let keyed = Plan::new(generation, &limits.rates, limits.own.as_ref());
        let total = (!limits.totals.is_empty()).then(|| Plan::new(generation, &limits.totals, None));
        (keyed, total)
    }

    /// The declared rate that stands behind one that counts in microseconds.
    pub(crate) fn declared(&self, counted: Option<Rate>) -> Option<Rate> {
        let index = self.counted.iter().position(|guarded| Some(guarded.rate) == counted)?;
        self.declared.get(index).map(|guarded| guarded.rate)
    }
}

/// A rate that counts in microseconds what this one counts in nanoseconds, never faster.
pub(crate) fn in_micros(Guarded { rate, guard }: Guarded) -> Guarded {
    Guarded { rate: rate.with_per(rate.per_nanos().div_ceil(1000)), guard: guard.div_ceil(1000) }
}

/// What is to be done; times and spans in microseconds.
#[derive(Clone, Debug)]
pub(crate) enum Verb {
    /// Start, or have a start reserved.
    Acquire(Acquire),
    /// Take it whatever the limits say.
    Charge { weight: u32 },
    /// Give back so much of what was taken at that time in the records that were `born` so; where 0, in whichever there is.
    Refund { start: u64, weight: u32, given: u32, born: [u32; 2] },
    /// Learn what became of a call that was counted then.
    Hear { start: u64, weight: u32, heard: Box<Heard> },
    /// Count in another window what counted in this one, which was that one all the time if it `joins`.
    Rename { name: Box<str>, joins: bool },
    /// Tell what a call would meet.
    Peek { weight: u32 },
    /// All of them as fresh.
    Reset,
    /// The first of them as fresh.
    ResetKey,
    /// Count what this process has started beside what is known: for each entry a record of it. Where `lost`, only of those
    /// entries that the store does not know as it should.
    Restore { records: Vec<Option<Vec<u8>>>, lost: bool },
}

/// A start that is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Acquire {
    pub(crate) weight: u32,
    /// Not before so long from now, as something else holds it up.
    pub(crate) after: u64,
    /// By how much the start may be earlier than it is counted, as nobody knows how long the answer takes: it is counted
    /// so much later, and windows are so much longer for it. A wait is from the counted now on.
    pub(crate) slack: u64,
    /// The longest wait.
    pub(crate) allowance: u64,
    /// Whether a start later than now is to be reserved.
    pub(crate) reserves: bool,
}

impl Ask {
    /// The entries that it is about, in the order in which their states are to be given to [`judge`](Ask::judge).
    #[must_use]
    pub fn entries(&self) -> impl ExactSizeIterator<Item = &Entry> {
        self.all_entries().collect::<Vec<_>>().into_iter()
    }

    /// The same, which need not be counted.
    pub(crate) fn all_entries(&self) -> impl Iterator<Item = &Entry> {
        let windows = self.windows.iter().flat_map(|windows| [&windows.entry, &windows.all]);
        self.parts.iter().map(|part| &part.entry).chain(windows)
    }

    pub(crate) fn of(parts: Vec<Part>, verb: Verb) -> Self {
        Ask { parts, windows: None, verb }
    }

    /// By how much the start that is asked for, if one is, may be earlier than it is counted.
    pub(crate) fn set_slack(&mut self, micros: u64) {
        if let Verb::Acquire(acquire) = &mut self.verb {
            acquire.slack = micros;
        }
    }

    /// How long it may wait, if it asks for a start. None where one of the server's windows counts as well: who is held up
    /// there is told to ask again.
    pub(crate) fn allowance(&self) -> Option<u64> {
        match &self.verb {
            Verb::Acquire(acquire) if self.windows.is_none() => Some(acquire.allowance),
            Verb::Acquire(_) => Some(0),
            _ => None,
        }
    }

    /// Which of the server's windows it is about, if any.
    pub(crate) fn window(&self) -> Option<&str> {
        self.windows.as_ref().map(|windows| &*windows.window)
    }

    /// Of nothing but windows.
    pub(crate) fn of_windows(windows: Windows, verb: Verb) -> Self {
        Ask::of(Vec::new(), verb).in_windows(Some(windows))
    }

    /// The same, of those windows as well, if of any.
    pub(crate) fn in_windows(self, windows: Option<Windows>) -> Self {
        Ask { windows: windows.map(Box::new), ..self }
    }
}

/// What a store answers to an [`Ask`]; made by [judging](Ask::judge) it, and read by the bucket that asked.
///
/// Where the write failed that goes with it, it is to be dropped: the answer is a [`Failure`](super::Failure) then.
///
/// # Examples
///
/// ```
/// use rate_limited::store::{Answer, Failure, Judged};
///
/// fn commit(judged: Judged, write: impl Fn(&Judged) -> std::io::Result<()>) -> Result<Answer, Failure> {
///     write(&judged).map_err(Failure::new)?;
///     Ok(judged.into_answer())
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer(pub(crate) Said);

/// Spans in microseconds, times in the store's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    /// It was taken, for `wait` from now on; `start` is how it is counted, `now` the time of the writing, `born` which
    /// records were written.
    Granted {
        wait: u64,
        start: u64,
        now: u64,
        born: [u32; 2],
    },
    /// Nothing was taken: it is to be asked for again then.
    Later {
        wait: u64,
    },
    Refused(Refused),
    /// It can never start.
    Never {
        rate: Option<Rate>,
        scope: ErrorScope,
    },
    /// The store does not know what it knew: nothing was done.
    Lost,
    /// The server calls that window so: it is to be asked for that one.
    Renamed(Box<str>),
    /// It was done at that time, to those records.
    Done {
        now: u64,
        born: [u32; 2],
    },
    Outlook(Vec<Seen>),
}

impl Said {
    /// What time it was in the store, where something was written.
    pub(crate) fn now(&self) -> Option<u64> {
        match self {
            Said::Granted { now, .. } | Said::Done { now, .. } => Some(*now),
            _ => None,
        }
    }
}

/// A refusal, by whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    /// `None` = nobody knows.
    pub(crate) retry_after: Option<u64>,
    /// `None` = not a rate, or those who came before.
    pub(crate) rate: Option<Rate>,
    pub(crate) scope: ErrorScope,
}

/// How an entry looks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Until a call could start; `None` = never, or unknown.
    pub(crate) wait: Option<u64>,
    pub(crate) rates: Vec<SeenRate>,
    /// For how long the server wants to be left alone.
    pub(crate) paused: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SeenRate {
    pub(crate) rate: Rate,
    pub(crate) used: u32,
    pub(crate) remaining: u32,
    /// `None` = at no time that there is.
    pub(crate) resets_in: Option<u64>,
}
