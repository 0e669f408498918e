//! A store beside the store: the same asks, judged at the times that the other tells.

use std::collections::HashMap;
use std::time::Duration;

use crate::store::ask::{Ask, Said};

#[derive(Default)]
pub(super) struct Twin {
    states: HashMap<String, Kept>,
    /// What time it was last.
    now: u64,
}

struct Kept {
    state: Vec<u8>,
    until: u64,
}

impl Twin {
    /// Plays what was answered by `said`; whether that is what judging comes to.
    pub(super) fn agrees(&mut self, ask: &Ask, said: &Said) -> Result<(), String> {
        let (Said::Granted { now, .. } | Said::Done { now, .. }) = *said else {
            return self.agrees_on_nothing(ask, said);
        };
        self.now = now;
        // Of each entry what is no longer needed may be there or not.
        let agreeing = (0..4).filter_map(|gone| self.judge(ask, now, gone)).find(|(twin, _)| twin == said);
        let Some((_, writes)) = agreeing else {
            let twin = self.judge(ask, now, 0).map(|(twin, _)| twin);
            return Err(format!("{said:?}, where judging says {twin:?}"));
        };
        for (entry, write) in ask.entries().zip(writes) {
            if let Some((state, keep_for)) = write {
                let until = now.saturating_add(u64::try_from(keep_for.as_micros()).unwrap_or(u64::MAX));
                self.states.insert(entry.to_string(), Kept { state, until });
            }
        }
        Ok(())
    }

    /// Nothing was taken, at a time that is not told: not before the last that was, so that waits are not longer.
    fn agrees_on_nothing(&self, ask: &Ask, said: &Said) -> Result<(), String> {
        let twin = self.judge(ask, self.now, 0).map(|(twin, _)| twin);
        let agrees = match (said, &twin) {
            (Said::Refused(said), Some(Said::Refused(twin))) => said.retry_after <= twin.retry_after,
            (Said::Later { wait }, Some(Said::Later { wait: most })) => wait <= most,
            // By now the wait is within the allowance.
            (Said::Later { .. }, Some(Said::Refused(_))) => true,
            (said, Some(twin)) => said == twin,
            (_, None) => false,
        };
        if agrees { Ok(()) } else { Err(format!("{said:?}, where judging said {twin:?} before")) }
    }

    /// By what is kept, but for the entries whose bits are set in `gone` and that need not be there any more.
    fn judge(&self, ask: &Ask, now: u64, gone: u32) -> Option<(Said, Writes)> {
        let states = ask.entries().enumerate().map(|(index, entry)| {
            let kept = self.states.get(&entry.to_string())?;
            (gone & (1 << index) == 0 || kept.until > now).then_some(kept.state.as_slice())
        });
        let states: Vec<_> = states.collect();
        let judged = ask.judge(Duration::from_micros(now), &states).ok()?;
        let writes =
            judged.writes().map(|write| write.map(|write| (write.state().to_vec(), write.keep_for())));
        let writes: Writes = writes.collect();
        Some((judged.into_answer().0, writes))
    }
}

type Writes = Vec<Option<(Vec<u8>, Duration)>>;
