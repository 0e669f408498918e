//! The states that an ask is about, and what happens to all of them at once.

use crate::policy::Earliest;
use crate::policy::all::Verdict;
use crate::store::Failure;
use crate::store::ask::{Ask, Seen};
use crate::store::record::Record;
use crate::store::window::{Heard, Window};

/// The states that an ask is about.
pub(super) struct Held {
    pub(super) records: Vec<Record>,
    /// One of the server's windows, and what it says to everybody.
    pub(super) windows: Option<Box<[Window; 2]>>,
}

impl Held {
    pub(super) fn read(
        ask: &Ask,
        states: &mut dyn Iterator<Item = Option<&[u8]>>,
        now: u64,
    ) -> Result<Self, Failure> {
        let mut records = Vec::with_capacity(ask.parts.len());
        for part in &ask.parts {
            records.push(Record::read(&part.plan, states.next().flatten(), now)?);
        }
        let windows = match &ask.windows {
            Some(windows) => {
                let mut read = || Window::read(windows.learning, states.next().flatten(), now);
                Some(Box::new([read()?, read()?]))
            }
            None => None,
        };
        Ok(Held { records, windows })
    }

    /// What the server calls the window by now.
    pub(super) fn renamed(&self) -> Option<Box<str>> {
        self.windows.as_deref().and_then(|[window, _]| window.renamed.clone())
    }

    /// Has `taken` count, and in the server's windows `weight`, whatever the limits say, and when; `None` if the user's policy
    /// panicked.
    pub(super) fn charge(&mut self, (taken, weight): (u32, u32), now: u64) -> Option<u64> {
        let at = self.records.iter().map(|record| record.newest).max().unwrap_or(0).max(now);
        let is_taken = self.records.iter_mut().all(|record| record.commit((at, now), taken));
        if let Some([window, _]) = self.windows.as_deref_mut().filter(|_| is_taken) {
            window.commit(at, weight);
        }
        is_taken.then_some(at)
    }

    /// Gives back at most `given` of what was `taken` at `start` in the records that were told so, and in the server's windows
    /// `weight`.
    pub(super) fn refund(
        &mut self,
        (start, now): (u64, u64),
        (taken, given, weight): (u32, u32, u32),
        born: [u32; 2],
    ) {
        // What was started before a reset counts no more, and somebody else's start may stand in its place.
        let is_of_today = self.records.first().is_some_and(|record| record.counts(born[0]));
        let counting = self.records.iter_mut().zip(born).filter(|(record, born)| record.counts(*born));
        counting.for_each(|(record, _)| record.refund((start, now), taken, given));
        if let Some([window, _]) = self.windows.as_deref_mut().filter(|_| is_of_today) {
            window.hear((start, weight), now, &Heard::Unsent);
            // As there nobody need wait behind what is given back.
            window.newest = self.records.first().map_or(0, |record| record.newest).min(window.newest);
        }
    }

    pub(super) fn hear(&mut self, sent: (u64, u32), now: u64, heard: &Heard) {
        if let Some([window, all]) = self.windows.as_deref_mut()
            && let Some(until) = window.hear(sent, now, heard)
        {
            all.pause(until);
        }
    }

    pub(super) fn rename(&mut self, name: &str, joins: bool) {
        if let Some([from, to]) = self.windows.as_deref_mut() {
            if joins {
                to.join(from);
            }
            from.renamed = Some(name.into());
        }
    }

    /// So many of the records, and of the windows, are as fresh.
    pub(super) fn reset(&mut self, most: usize, now: u64) {
        for record in self.records.iter_mut().take(most) {
            // What is there now may never have been written under the limits that are asked by.
            record.keep(now);
            record.reset();
        }
        let windows = self.windows.as_deref_mut().into_iter().flatten();
        windows.take(most).for_each(|window| window.reset(now));
    }

    /// How each of them stands to a call that takes so much, and in the server's windows `weight`.
    pub(super) fn look(&mut self, (takes, weight): (u32, u32), now: u64) -> Vec<Seen> {
        let wait = |earliest| match earliest {
            Earliest::At(at) => Some(at.as_nanos().saturating_sub(now)),
            Earliest::WhenSettled | Earliest::Never => None,
        };
        let records = self.records.iter_mut().map(|record| Seen {
            wait: wait(record.earliest(now, takes.max(1), 0).earliest),
            rates: record.rates_seen(now),
            paused: 0,
        });
        let mut seen: Vec<Seen> = records.collect();
        seen.extend(self.windows.as_ref().map(|windows| Seen {
            wait: wait(by_windows(windows, (now, 0), weight.max(1)).earliest),
            rates: Vec::new(),
            paused: windows.iter().fold(now, |until, window| window.paused_until(until, 0).as_nanos()) - now,
        }));
        seen
    }
}

/// When the server's window, and what the server says to everybody, would let `weight` start that may be made earlier by
/// `slack`: the server is to hear of nothing before the time that it said.
pub(super) fn by_windows([window, all]: &[Window; 2], (from, slack): (u64, u64), weight: u32) -> Verdict {
    let paused = Earliest::At(all.paused_until(from, slack));
    Verdict { earliest: window.earliest(from, slack, weight).max(paused), rate: None }
}
