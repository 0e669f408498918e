//! How calls are measured: each by itself, because most of what a median over a network is has a long tail.

#![expect(clippy::disallowed_methods, reason = "it is real time that is measured")]

use std::error::Error;
use std::fmt;
use std::time::Instant;

pub(crate) use figures::{Failure, Spread, rank};
use rate_limited::Bucket;

/// A program or a package is not there, without which a row cannot be measured.
#[derive(Debug)]
pub(crate) struct Missing(pub(crate) String);

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for Missing {}

/// What was found for one row.
#[derive(Clone, Debug)]
pub(crate) struct Measured {
    pub(crate) row: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) ours: Spread,
    /// Where the row has a peer.
    pub(crate) peer: Option<Spread>,
    /// Ours less the peer's, round by round.
    pub(crate) added: Option<Spread>,
}

impl Measured {
    pub(crate) fn alone(row: &'static str, unit: &'static str, ours: f64) -> Self {
        Measured { row, unit, ours: Spread::flat(ours), peer: None, added: None }
    }

    /// Of both sides' figures, round by round.
    pub(crate) fn beside(row: &'static str, unit: &'static str, rounds: &[(f64, f64)]) -> Self {
        let (ours, peers): (Vec<f64>, Vec<f64>) = rounds.iter().copied().unzip();
        let added = rounds.iter().map(|(ours, peer)| ours - peer).collect();
        let (ours, peer) = (Spread::of(ours), Some(Spread::of(peers)));
        Measured { row, unit, ours, peer, added: Some(Spread::of(added)) }
    }
}

/// How long one call took, in microseconds.
pub(crate) fn micros(call: impl FnOnce() -> Result<(), Failure>) -> Result<f64, Failure> {
    let begun = Instant::now();
    call()?;
    Ok(begun.elapsed().as_secs_f64() * 1e6)
}

/// How long each of so many calls took.
pub(crate) fn each(calls: usize, mut call: impl FnMut() -> Result<(), Failure>) -> Result<Vec<f64>, Failure> {
    (0..calls).map(|_| micros(&mut call)).collect()
}

pub(crate) fn p50(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    rank(&values, 50)
}

/// A call that has to be granted at once.
pub(crate) fn granted(bucket: &Bucket) -> Result<(), Failure> {
    drop(bucket.try_acquire()?);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_added_is_added_round_by_round() {
        let measured = Measured::beside("row", "us", &[(30.0, 10.0), (21.0, 20.0), (45.0, 40.0)]);
        assert_eq!(measured.ours.median.total_cmp(&30.0), std::cmp::Ordering::Equal);
        assert_eq!(measured.peer.map(|peer| peer.median), Some(20.0));
        assert_eq!(measured.added.map(|added| added.median), Some(5.0));
    }

    #[test]
    fn a_call_that_fails_ends_the_measurement() {
        let mut left = 3;
        let call = || {
            left -= 1;
            if left > 0 { Ok(()) } else { Err("refused".into()) }
        };
        assert_eq!(each(10, call).expect_err("refused").to_string(), "refused");
        assert_eq!(each(4, || Ok(())).map(|took| took.len()).ok(), Some(4));
    }
}
