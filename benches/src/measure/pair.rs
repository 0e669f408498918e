//! Two sides whose difference is far below what the machine's speed wanders by.
//!
//! Only batches that ran one right after the other are compared. Who of the two goes first may matter too, so it
//! alternates, and two neighbouring pairs, one in either order, give one difference. The median of these is robust
//! against interrupts, which only ever add.

use std::time::Duration;

use super::{Failure, Spread, long_enough, nanos_a_call, timed};

/// Calls so many times; fails where a call did not do what is to be measured.
pub(crate) type Side = fn(u32) -> Result<(), Failure>;

/// Short, so that most batches are not interrupted; long beside what reading the clock costs.
const BATCH: Duration = Duration::from_micros(50);
/// Two batches of each side.
const ROUNDS: usize = 600;
const WARM_UP: usize = 20;

/// Nanoseconds a call.
#[derive(Debug)]
pub(crate) struct Pair {
    pub(crate) ours: Spread,
    pub(crate) peer: Spread,
    /// Ours less the peer's, in pairs.
    pub(crate) added: Spread,
}

pub(crate) fn both(ours: Side, peer: Side) -> Result<Pair, Failure> {
    let batch = |side: Side, calls| timed(|| side(calls));
    let calls = long_enough(BATCH, |calls| batch(ours, calls))?;
    let calls = calls.max(long_enough(BATCH, |calls| batch(peer, calls))?);
    let nanos = |side| batch(side, calls).map(|took| nanos_a_call(took, calls));
    let (mut all_ours, mut all_peer, mut added) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..WARM_UP + ROUNDS {
        let first = nanos(ours)?;
        let second = nanos(peer)?;
        let third = nanos(peer)?;
        let fourth = nanos(ours)?;
        if round >= WARM_UP {
            all_ours.extend([first, fourth]);
            all_peer.extend([second, third]);
            added.push(f64::midpoint(first - second, fourth - third));
        }
    }
    Ok(Pair { ours: Spread::of(all_ours), peer: Spread::of(all_peer), added: Spread::of(added) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_that_fails_ends_the_measurement() {
        let refused: Side = |_| Err("refused".into());
        let fine: Side = |calls| {
            std::hint::black_box(calls);
            Ok(())
        };
        assert_eq!(both(fine, refused).expect_err("refused").to_string(), "refused");
    }
}
