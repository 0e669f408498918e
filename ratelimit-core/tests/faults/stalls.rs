//! For how long this machine keeps threads that want to run from it.

use std::sync::{Mutex, MutexGuard, Once, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How long its thread sleeps at a time.
const NAP: Duration = Duration::from_millis(2);
/// Less than that is how machines are.
const LEAST: Duration = Duration::from_millis(1);

struct Seen {
    /// When each was over, and how long it was.
    stalls: Vec<(Instant, Duration)>,
    /// When the thread was awake the last time.
    awake: Option<Instant>,
}

static SEEN: Mutex<Seen> = Mutex::new(Seen { stalls: Vec::new(), awake: None });

fn seen() -> MutexGuard<'static, Seen> {
    SEEN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// From now on they are seen.
pub(crate) fn watch() {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| {
        seen().awake = Some(Instant::now());
        thread::spawn(|| {
            loop {
                let begin = Instant::now();
                thread::sleep(NAP);
                let now = Instant::now();
                let stall = (now - begin).saturating_sub(NAP);
                let mut seen = seen();
                seen.awake = Some(now);
                if stall > LEAST {
                    seen.stalls.push((now, stall));
                }
            }
        });
    });
}

/// The longest one between these times.
pub(crate) fn longest(begin: Instant, end: Instant) -> Duration {
    let seen = seen();
    let met = seen.stalls.iter().filter(|(over, stall)| *over > begin && *over - *stall < end);
    let now = seen.awake.map_or(Duration::ZERO, |awake| end.saturating_duration_since(awake + NAP));
    met.map(|(_, stall)| *stall).chain([now]).max().unwrap_or_default()
}
