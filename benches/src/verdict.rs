//! From what was measured to a row's ratio.

use crate::limiters::OURS;
use crate::measure::{Failure, Line, Spread};
use crate::probes::Flaws;
use crate::rows::{ADDED, Ratio, Row};

/// A row as it came out.
#[derive(Clone, Debug)]
pub(crate) struct Verdict {
    pub(crate) row: Row,
    pub(crate) unit: &'static str,
    pub(crate) ours: Spread,
    pub(crate) peer: Spread,
    pub(crate) added: Option<Spread>,
    /// No number where the peer is not correct.
    pub(crate) ratio: f64,
}

impl Verdict {
    pub(crate) fn is_ok(&self) -> bool {
        self.row.limit.is_none_or(|limit| self.ratio <= limit)
    }
}

pub(crate) fn of(row: &Row, lines: &[Line], flaws: &Flaws) -> Result<Verdict, Failure> {
    let line = |who| lines.iter().find(|line| line.action == row.name && line.who == who);
    let missing = |who| format!("{}: nothing was measured of {who}", row.name);
    let ours = line(OURS).ok_or_else(|| missing(OURS))?;
    let added = line(ADDED).map(|line| line.spread);
    let who = row.ratio.peer();
    let of_peer = || line(who).ok_or_else(|| missing(who));
    let (peer, ratio) = match row.ratio {
        Ratio::To(_) => {
            let peer = of_peer()?;
            let ratio = if is_correct(peer, flaws) { over(ours.spread, peer.spread) } else { f64::NAN };
            (peer.spread, ratio)
        }
        Ratio::ToCostOf(_) => (of_peer()?.spread, over(ours.spread, of_peer()?.spread)),
        Ratio::AddedTo(_, bound) => {
            let added = added.ok_or_else(|| missing(ADDED))?;
            (of_peer()?.spread, added.median / bound)
        }
        Ratio::ToBound(_, bound) => {
            (Spread { p10: bound, median: bound, p90: bound }, ours.spread.median / bound)
        }
    };
    Ok(Verdict { row: *row, unit: ours.unit, ours: ours.spread, peer, added, ratio })
}

/// As far as the probes and the action itself told.
pub(crate) fn is_correct(line: &Line, flaws: &Flaws) -> bool {
    line.flaw.is_none() && !flaws.contains_key(line.who)
}

pub(crate) fn over(ours: Spread, peer: Spread) -> f64 {
    ours.median / peer.median
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::rows::ROWS;

    pub(crate) const PEER: &str = "peer";

    pub(crate) fn flat(value: f64) -> Spread {
        Spread { p10: value, median: value, p90: value }
    }

    /// Of a row with this ratio and limit; the difference in pairs is that of the medians.
    pub(crate) fn measured(ratio: Ratio, limit: Option<f64>, ours: f64, peer: f64) -> (Row, Vec<Line>) {
        let row = Row { ratio, limit, ..ROWS[0] };
        let line = |who, value| Line::new(row.name, who, "ns", flat(value));
        (row, vec![line(OURS, ours), line(PEER, peer), line(ADDED, ours - peer)])
    }

    fn verdict(ratio: Ratio, limit: Option<f64>, ours: f64, peer: f64) -> Verdict {
        let (row, lines) = measured(ratio, limit, ours, peer);
        of(&row, &lines, &Flaws::new()).expect("a verdict")
    }

    #[test]
    fn ratios_below_one_are_better_for_us() {
        let ratio = |ratio| verdict(ratio, Some(1.0), 3.0, 2.0).ratio;
        assert!((ratio(Ratio::To(PEER)) - 1.5).abs() < 1e-9);
        assert!((ratio(Ratio::AddedTo(PEER, 4.0)) - 0.25).abs() < 1e-9);
        assert!((ratio(Ratio::ToBound("bound", 6.0)) - 0.5).abs() < 1e-9);
        assert!(!verdict(Ratio::To(PEER), Some(1.4), 3.0, 2.0).is_ok());
        assert!(verdict(Ratio::To(PEER), Some(1.5), 3.0, 2.0).is_ok());
    }

    #[test]
    fn a_row_without_limit_is_reported_only() {
        assert!(verdict(Ratio::To(PEER), None, 500.0, 1.0).is_ok());
    }

    #[test]
    fn what_is_no_number_is_over_every_limit() {
        assert!(!verdict(Ratio::To(PEER), Some(1.0), 0.0, 0.0).is_ok());
        assert!(!verdict(Ratio::To(PEER), Some(1.0), f64::NAN, 1.0).is_ok());
    }

    #[test]
    fn who_is_not_correct_is_left_out_of_the_ratio_but_not_of_the_cost() {
        let flaws = Flaws::from([(PEER, vec!["grants all".to_owned()])]);
        for (ratio, is_ok) in [(Ratio::To(PEER), false), (Ratio::ToCostOf(PEER), true)] {
            let (row, lines) = measured(ratio, Some(1.0), 1.0, 2.0);
            assert_eq!(of(&row, &lines, &flaws).expect("a verdict").is_ok(), is_ok);
        }
        let (row, mut lines) = measured(Ratio::To(PEER), Some(1.0), 1.0, 2.0);
        lines[1].flaw = Some("no order".to_owned());
        assert!(!of(&row, &lines, &Flaws::new()).expect("a verdict").is_ok());
    }

    #[test]
    fn a_row_that_nobody_measured_is_an_error() {
        let (row, lines) = measured(Ratio::To("somebody else"), None, 1.0, 1.0);
        let error = of(&row, &lines, &Flaws::new()).expect_err("nothing to divide by").to_string();
        assert!(error.contains("somebody else"), "{error}");
    }
}
