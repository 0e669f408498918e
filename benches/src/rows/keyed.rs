//! One state a key, keys chosen at random, all alike likely.

use std::hint::black_box;
use std::rc::Rc;
use std::time::Duration;

use rate_limited::Bucket;

use super::{Contest, KEYED, KEYED_MANY};
use crate::limiters::{GovernorAhash, GovernorSip, Keyed, Plan, RateNetKeyed};
use crate::measure::turns::{Entrant, by_turns};
use crate::measure::{Failure, Line};

pub(super) const THOUSAND: Contest =
    Contest { name: "1000 keys", run: || contest(KEYED, 1_000, Duration::from_micros(200), 400) };
pub(super) const MILLION: Contest =
    Contest { name: "1000000 keys", run: || contest(KEYED_MANY, 1_000_000, Duration::from_millis(2), 151) };

pub(super) const PEER: &str = <GovernorAhash as Keyed>::NAME;

/// Grants as often as a key is called here, and what a key took counts for all of the measurement: nobody can forget a
/// key as being as good as new.
const PLAN: Plan = Plan::per_second(1, u32::MAX);

fn contest(action: &'static str, count: usize, batch: Duration, rounds: usize) -> Result<Vec<Line>, Failure> {
    let keys: Rc<[String]> = (0..count).map(|key| format!("user-{key:011}")).collect();
    let entrants = vec![
        entrant::<Bucket>(&keys)?,
        entrant::<GovernorAhash>(&keys)?,
        entrant::<GovernorSip>(&keys)?,
        entrant::<RateNetKeyed>(&keys)?,
    ];
    Ok(by_turns(entrants, batch, rounds).into_iter().map(|taken| taken.line(action)).collect())
}

fn entrant<L: Keyed>(keys: &Rc<[String]>) -> Result<Entrant, Failure> {
    // Twice as many as there are, so that nobody is at its bound.
    let limiter = L::new(PLAN, 2 * keys.len())?;
    if !keys.iter().all(|key| limiter.take_key(key)) {
        return Err(format!("{} refused a new key", L::NAME).into());
    }
    let keys = Rc::clone(keys);
    let mut random = Random(1);
    Ok(Entrant::new(L::NAME, move |calls| {
        for _ in 0..calls {
            let granted =
                keys.get(random.below(keys.len())).is_some_and(|key| black_box(&limiter).take_key(key));
            if !granted {
                return Err("a call was refused that was to be granted".into());
            }
        }
        Ok(())
    }))
}

/// Xorshift, <https://www.jstatsoft.org/article/view/v008i14>: cheap beside what is measured, and the same for all.
struct Random(u64);

impl Random {
    fn below(&mut self, count: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let upper = (u128::from(self.0) * u128::try_from(count).unwrap_or(u128::MAX)) >> 64;
        usize::try_from(upper).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_keys_are_alike_likely_and_16_bytes() {
        let mut random = Random(1);
        let mut counts = [0_u32; 10];
        (0..100_000).for_each(|_| counts[random.below(10)] += 1);
        assert!(counts.iter().all(|count| (9_500..10_500).contains(count)), "{counts:?}");
        assert_eq!(format!("user-{:011}", 999_999).len(), 16);
    }
}
