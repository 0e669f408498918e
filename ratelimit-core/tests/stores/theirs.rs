//! A store as somebody else would write it, by what is public alone.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use ratelimit_core::store::{Answer, Ask, Entry, Failure, Store};

/// A state, and when it may be forgotten.
type Kept = (Vec<u8>, Duration);

#[derive(Clone, Debug, Default)]
pub(crate) struct Table(Arc<Mutex<HashMap<Entry, Kept>>>);

impl Store for Table {
    #[allow(clippy::disallowed_methods, reason = "it has a clock of its own")]
    fn play(&self, asks: &[Ask], _timeout: Duration) -> Vec<Result<Answer, Failure>> {
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let play = |ask: &Ask| {
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_err(Failure::new)?;
            table.retain(|_, (_, until)| *until > now);
            let states: Vec<Option<&[u8]>> =
                ask.entries().map(|entry| table.get(entry).map(|(state, _)| &**state)).collect();
            let judged = ask.judge(now, &states)?;
            for (entry, written) in ask.entries().zip(judged.writes()) {
                if let Some(written) = written {
                    table.insert(entry.clone(), (written.state().to_vec(), now + written.keep_for()));
                }
            }
            Ok(judged.into_answer())
        };
        asks.iter().map(play).collect()
    }

    fn identity(&self) -> Option<usize> {
        Some(Arc::as_ptr(&self.0).addr())
    }
}
