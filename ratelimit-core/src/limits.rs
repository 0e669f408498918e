//! What a bucket declares, as plain data: its rates, the rates over all keys, the guard, the bounds.

mod outage;

use std::fmt;
use std::time::Duration;

use crate::policy::{Guarded, Prototype};
use crate::rate::{Rate, Shape};
use crate::time::nanos;

pub use outage::OnOutage;

/// How many rates a bucket may have.
const MAX_RATES: usize = 8;
/// How many keys a bucket holds unless told otherwise.
const MAX_KEYS: usize = 65_536;
/// The default guard: this, or 2 % of the window if that is less.
const GUARD: u64 = 20_000_000;
/// What a guard is widened to at most: this, or 5 % of the window if that is less.
const WIDEST: u64 = 250_000_000;

/// A bucket's limits as they were written.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    rates: RateList,
    totals: RateList,
    /// The user's own policy.
    own: Option<Prototype>,
    guard: Option<Duration>,
    max_keys: usize,
    in_flight: Option<usize>,
    max_waiting: Option<usize>,
    learning: Learning,
    sharing: Sharing,
}

/// How a bucket is shared by those who have its store.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Sharing {
    pub(crate) on_outage: OnOutage,
    pub(crate) generation: u32,
}

impl Sharing {
    const DEFAULT: Sharing = Sharing { on_outage: OnOutage::Deny, generation: 0 };
}

/// How a bucket learns from what the server says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Learning {
    /// Whether it is made to: while nothing is known one call at a time is sent.
    pub(crate) is_declared: bool,
    /// For how long what the server said is remembered beyond its window.
    pub(crate) remember: Duration,
    /// Whether the names that the server gives its limits tell them apart.
    pub(crate) server_names: bool,
    /// How far away the end of a wait that the server asks for may be for a call to wait at all.
    pub(crate) max_pause: Duration,
}

impl Learning {
    const HOUR: Duration = Duration::from_secs(3600);
    const DEFAULT: Learning =
        Learning { is_declared: false, remember: Self::HOUR, server_names: true, max_pause: Self::HOUR };
}

/// Up to eight rates, in a form that constants can build.
#[derive(Clone, Copy, Debug)]
struct RateList {
    rates: [Option<Rate>; MAX_RATES],
    /// How many were added; more than there is room for is an error when the limits are validated.
    added: usize,
}

impl RateList {
    const EMPTY: RateList = RateList { rates: [None; MAX_RATES], added: 0 };

    const fn add(&mut self, rate: Rate) {
        if self.added < MAX_RATES {
            // Within bounds by the line above; a constant function cannot use `get_mut`.
            #[expect(clippy::indexing_slicing, reason = "checked by the line above")]
            {
                self.rates[self.added] = Some(rate);
            }
        }
        self.added += 1;
    }

    fn iter(&self) -> impl Iterator<Item = Rate> {
        self.rates.iter().copied().flatten()
    }

    /// Two rates of which only one can be meant. Order does not matter, and neither do rates that others imply: a call
    /// starts when all of them let it.
    fn contradiction(&self) -> Option<String> {
        self.iter().enumerate().find_map(|(index, a)| {
            self.iter().skip(index + 1).find_map(|b| {
                let what = contradiction(a, b)?;
                Some(format!("`{a}` and `{b}` are two {what}; remove the one that is not meant"))
            })
        })
    }

    fn same(&self, other: &RateList) -> bool {
        self.iter().all(|rate| other.iter().any(|known| known == rate))
            && other.iter().all(|rate| self.iter().any(|known| known == rate))
    }
}

impl Limits {
    pub(crate) const UNLIMITED: Limits = Limits {
        rates: RateList::EMPTY,
        totals: RateList::EMPTY,
        own: None,
        guard: None,
        max_keys: MAX_KEYS,
        in_flight: None,
        max_waiting: None,
        learning: Learning::DEFAULT,
        sharing: Sharing::DEFAULT,
    };

    pub(crate) fn own(own: Prototype) -> Self {
        Limits { own: Some(own), ..Limits::UNLIMITED }
    }

    pub(crate) const LEARNED: Limits =
        Limits { learning: Learning { is_declared: true, ..Learning::DEFAULT }, ..Limits::UNLIMITED };

    pub(crate) const fn of(rate: Rate) -> Self {
        let mut limits = Limits::UNLIMITED;
        limits.rates.add(rate);
        limits
    }

    pub(crate) const fn add(&mut self, rate: Rate) {
        self.rates.add(rate);
    }

    pub(crate) const fn add_total(&mut self, rate: Rate) {
        self.totals.add(rate);
    }

    pub(crate) const fn set_guard(&mut self, guard: Duration) {
        self.guard = Some(guard);
    }

    pub(crate) const fn set_max_keys(&mut self, max_keys: usize) {
        self.max_keys = max_keys;
    }

    pub(crate) const fn set_in_flight(&mut self, in_flight: usize) {
        self.in_flight = Some(in_flight);
    }

    pub(crate) const fn set_max_waiting(&mut self, max_waiting: usize) {
        self.max_waiting = Some(max_waiting);
    }

    pub(crate) const fn set_on_outage(&mut self, on_outage: OnOutage) {
        self.sharing.on_outage = on_outage;
    }

    pub(crate) const fn set_generation(&mut self, generation: u32) {
        self.sharing.generation = generation;
    }

    pub(crate) const fn learning_mut(&mut self) -> &mut Learning {
        &mut self.learning
    }

    pub(crate) fn rates(&self) -> impl Iterator<Item = Rate> {
        self.rates.iter()
    }

    /// Whether both say the same, rates in whatever order.
    pub(crate) fn same(&self, other: &Limits) -> bool {
        self.rates.same(&other.rates)
            && self.totals.same(&other.totals)
            && self.same_own(other)
            && self.guard == other.guard
            && self.max_keys == other.max_keys
            && self.in_flight == other.in_flight
            && self.max_waiting == other.max_waiting
            && self.learning == other.learning
            && self.sharing == other.sharing
    }

    fn same_own(&self, other: &Limits) -> bool {
        match (&self.own, &other.own) {
            (None, None) => true,
            (Some(a), Some(b)) => a.is(b),
            _ => false,
        }
    }

    /// The limits to run, or what is wrong with them.
    pub(crate) fn validate(&self, default_guard: Option<Duration>) -> Result<Valid, String> {
        if self.rates.added > MAX_RATES || self.totals.added > MAX_RATES {
            return Err(format!("it has more than {MAX_RATES} rates"));
        }
        if self.max_keys == 0 {
            return Err("`max_keys(0)` leaves no room for any key; the least is 1".to_owned());
        }
        if self.in_flight == Some(0) {
            return Err(
                "`in_flight(0)` lets no call run; the least is 1, and without it any number may".to_owned()
            );
        }
        if let OnOutage::Local { share } = self.sharing.on_outage
            && !(share > 0.0 && share <= 1.0)
        {
            return Err(format!(
                "`OnOutage::Local` with a share of {share} is no part of its limits; say one above 0 and at most 1, as \
                 in 0.25 for one of four processes"
            ));
        }
        if let Some(contradiction) = self.rates.contradiction().or_else(|| self.totals.contradiction()) {
            return Err(contradiction);
        }
        let guarded = |list: &RateList| -> Result<Box<[Guarded]>, String> {
            list.iter().map(|rate| guard(rate, self.guard, default_guard)).collect()
        };
        Ok(Valid {
            rates: guarded(&self.rates)?,
            totals: guarded(&self.totals)?,
            own: self.own.clone(),
            max_keys: self.max_keys,
            in_flight: self.in_flight,
            max_waiting: self.max_waiting,
            learning: self.learning,
            sharing: self.sharing,
            tunes_guard: self.guard.is_none() && default_guard.is_none(),
        })
    }
}

/// Limits that make sense, each rate with its guard.
#[derive(Clone, Debug)]
pub(crate) struct Valid {
    pub(crate) rates: Box<[Guarded]>,
    pub(crate) totals: Box<[Guarded]>,
    pub(crate) own: Option<Prototype>,
    pub(crate) max_keys: usize,
    /// How many bodies may run at once on each key.
    pub(crate) in_flight: Option<usize>,
    /// How many may wait at once on each key.
    pub(crate) max_waiting: Option<usize>,
    pub(crate) learning: Learning,
    pub(crate) sharing: Sharing,
    /// Whether nobody said what the guard is to be, so that it may be widened.
    pub(crate) tunes_guard: bool,
}

impl Valid {
    /// The same without anything that is judged in a store.
    pub(crate) fn without_rates(&self) -> Valid {
        Valid { rates: Box::default(), totals: Box::default(), own: None, tunes_guard: false, ..self.clone() }
    }

    /// The same with guards of `needed` nanoseconds, as far as rates bear that; `None` where that changes nothing.
    pub(crate) fn tuned(&self, needed: u64) -> Option<Valid> {
        let tune = |rates: &[Guarded]| rates.iter().map(|known| tuned(known.rate, needed)).collect();
        let tuned = Valid { rates: tune(&self.rates), totals: tune(&self.totals), ..self.clone() };
        let is_other = tuned.rates != self.rates || tuned.totals != self.totals;
        (self.tunes_guard && is_other).then_some(tuned)
    }

    /// The greatest weight that can ever fit.
    pub(crate) fn max_weight(&self) -> u32 {
        let rates = self.rates.iter().chain(&self.totals);
        rates.map(|guarded| guarded.rate.max_weight()).min().unwrap_or(u32::MAX)
    }

    /// The shortest guard of all the rates, in nanoseconds.
    pub(crate) fn least_guard(&self) -> u64 {
        self.rates.iter().chain(&self.totals).map(|guarded| guarded.guard).min().unwrap_or(u64::MAX)
    }

    /// By how many nanoseconds a waiting call of `weight` may be told late and nothing is lost by it, where alarms ring
    /// `late` nanoseconds late; 0 beside a total, which other keys wait for.
    pub(crate) fn leeway(&self, weight: u32, late: u64) -> u64 {
        let leeways = self.rates.iter().map(|guarded| guarded.rate.leeway(weight, late));
        if self.own.is_some() || !self.totals.is_empty() { 0 } else { leeways.min().unwrap_or(0) }
    }

    /// The longest guard of all the rates, in nanoseconds.
    pub(crate) fn guard(&self) -> u64 {
        self.rates.iter().chain(&self.totals).map(|guarded| guarded.guard).max().unwrap_or(0)
    }
}

/// What both of two rates say, each otherwise.
fn contradiction(a: Rate, b: Rate) -> Option<&'static str> {
    match (a.shape(), b.shape()) {
        (Shape::Sliding, Shape::Sliding) | (Shape::Fixed, Shape::Fixed) => {
            (a.per() == b.per() && a.amount() != b.amount()).then_some("amounts for one span")
        }
        (Shape::Burst(a_burst), Shape::Burst(b_burst)) => {
            let is_one_rate = u128::from(a.amount()) * u128::from(b.per_nanos())
                == u128::from(b.amount()) * u128::from(a.per_nanos());
            (is_one_rate && a_burst != b_burst).then_some("bursts of one rate")
        }
        _ => None,
    }
}

/// The guard where nobody sets one.
pub(crate) fn usual_guard(window: u64) -> u64 {
    GUARD.min(window / 50)
}

/// A rate with a guard of `needed` nanoseconds: no less than the usual, and no more than costs little.
fn tuned(rate: Rate, needed: u64) -> Guarded {
    let window = rate.window_nanos();
    Guarded { rate, guard: needed.min(WIDEST.min(window / 20)).max(usual_guard(window)) }
}

fn guard(rate: Rate, own: Option<Duration>, default: Option<Duration>) -> Result<Guarded, String> {
    let window = rate.window_nanos();
    let usual = usual_guard(window);
    let Some(guard) = own.or(default.filter(|default| nanos(*default) < window)) else {
        return Ok(Guarded { rate, guard: usual });
    };
    if nanos(guard) >= window && !guard.is_zero() {
        let window = Duration::from_nanos(window);
        return Err(format!("its guard of {guard:?} is as long as the window of `{rate}`, {window:?}"));
    }
    Ok(Guarded { rate, guard: nanos(guard) })
}

/// As in `10/s and 500/h, total 20/s, guard 5ms`; a user's own policy by its type.
impl fmt::Display for Limits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = 0;
        if let Some(own) = &self.own {
            write!(f, "own policy {}", own.name())?;
            parts += 1;
        }
        for (word, list) in [("", &self.rates), ("total ", &self.totals)] {
            for (index, rate) in list.iter().enumerate() {
                let joint = match (index, parts) {
                    (0, 0) => "",
                    (0, _) => ", ",
                    _ => " and ",
                };
                write!(f, "{joint}{}{rate}", if index == 0 { word } else { "" })?;
                parts += 1;
            }
        }
        if self.learning.is_declared {
            f.write_str(if parts == 0 { "what the server says" } else { ", what the server says" })?;
        } else if parts == 0 {
            f.write_str("no rate")?;
        }
        if let Some(guard) = self.guard {
            write!(f, ", guard {guard:?}")?;
        }
        if self.max_keys != MAX_KEYS {
            write!(f, ", max_keys {}", self.max_keys)?;
        }
        if let Some(in_flight) = self.in_flight {
            write!(f, ", in_flight {in_flight}")?;
        }
        if let Some(max_waiting) = self.max_waiting {
            write!(f, ", max_waiting {max_waiting}")?;
        }
        let Learning { remember, server_names, max_pause, .. } = self.learning;
        if remember != Learning::HOUR {
            write!(f, ", remember {remember:?}")?;
        }
        if !server_names {
            f.write_str(", no server names")?;
        }
        if max_pause != Learning::HOUR {
            write!(f, ", max_pause {max_pause:?}")?;
        }
        let Sharing { on_outage, generation } = self.sharing;
        match on_outage {
            OnOutage::Deny => {}
            OnOutage::Local { share } => write!(f, ", {share} of it in an outage")?,
            OnOutage::Allow => f.write_str(", all allowed in an outage")?,
        }
        if generation != 0 {
            write!(f, ", generation {generation}")?;
        }
        Ok(())
    }
}
