//! What a server decides, and the log of it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::window::{Rule, Window};

/// One of the windows that a rule is kept in: for each value of the route's major parameter there is one.
pub type Place = (&'static Rule, Option<u32>);

/// One request, as it was decided on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// Since 1970, by the server's clock.
    pub at: Duration,
    pub verdict: Verdict,
}

impl Arrival {
    pub fn is_served(&self) -> bool {
        matches!(self.verdict, Verdict::Served(_))
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Counted in all of these.
    Served(Vec<Place>),
    /// The name of the limit that it met.
    Rejected(&'static str),
}

/// Why a call was rejected, and when to come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rejection {
    pub by: &'static str,
    pub wait: Duration,
}

/// Windows and log. Both are behind one lock, so that the log is in the order of the decisions.
#[derive(Clone)]
pub struct Ledger {
    clock: Clock,
    inside: Arc<Mutex<Inside>>,
}

#[derive(Default)]
struct Inside {
    windows: BTreeMap<Place, Window>,
    log: Vec<Arrival>,
}

/// The wall clock as it was at the start, and as a steady one goes on from there.
#[derive(Clone, Copy)]
pub struct Clock {
    epoch: Duration,
    /// `None` = it stands still.
    started: Option<Instant>,
}

impl Clock {
    pub fn start() -> Self {
        let epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { epoch, started: Some(Instant::now()) }
    }

    #[cfg(test)]
    pub fn stopped_at(epoch: Duration) -> Self {
        Self { epoch, started: None }
    }

    pub fn now(self) -> Duration {
        self.epoch + self.started.map_or(Duration::ZERO, |started| started.elapsed())
    }
}

impl Ledger {
    pub fn new(clock: Clock) -> Self {
        Self { clock, inside: Arc::default() }
    }

    /// Counts a call in all of `places`, or in none if one of them is full. What is left then of the place at `shown`, and
    /// when that is over.
    ///
    /// `closed` = a limit that is kept elsewhere, and for how long it is closed.
    pub fn arrive(
        &self,
        places: &[Place],
        shown: Place,
        closed: impl FnOnce(Duration) -> Option<Rejection>,
    ) -> Decision {
        let mut inside = self.inside.lock().unwrap_or_else(PoisonError::into_inner);
        let Inside { windows, log } = &mut *inside;
        let at = self.clock.now();
        for place in places {
            windows.entry(*place).or_insert_with(|| Window::new(place.0));
        }
        let full = places.iter().find_map(|place| {
            let over = windows.get(place)?.full_until(at)?;
            Some(Rejection { by: place.0.name, wait: over.saturating_sub(at) })
        });
        let rejection = full.or_else(|| closed(at));
        let verdict = if let Some(rejection) = rejection {
            Verdict::Rejected(rejection.by)
        } else {
            for place in places {
                windows.entry(*place).and_modify(|window| window.take(at));
            }
            Verdict::Served(places.to_vec())
        };
        log.push(Arrival { at, verdict });
        let (remaining, over) = windows.get(&shown).map_or((0, at), |window| window.look(at));
        Decision { at, rejection, remaining, over }
    }

    /// How many calls were served in the second that begins then, and how many rejected.
    pub fn second(&self, from: Duration) -> [usize; 2] {
        let inside = self.inside.lock().unwrap_or_else(PoisonError::into_inner);
        let upto = |time| inside.log.partition_point(|arrival| arrival.at < time);
        let within = inside.log.get(upto(from)..upto(from + Duration::from_secs(1))).unwrap_or_default();
        let served = within.iter().filter(|arrival| arrival.is_served()).count();
        [served, within.len() - served]
    }

    pub fn log(&self) -> Vec<Arrival> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner).log.clone()
    }
}

/// What became of a call, and of the window that its answer tells about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    pub at: Duration,
    pub rejection: Option<Rejection>,
    pub remaining: u32,
    /// When that window is over.
    pub over: Duration,
}
