//! Figures as all programs of this package take and show them.

use comfy_table::{CellAlignment, Table};

mod program;

pub use program::{Child, Failure, Named, Program};

/// Median, and how far the values lie from it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// A tenth of the values is not above it.
    pub p10: f64,
    /// The one in the middle.
    pub median: f64,
    /// A tenth of the values is above it.
    pub p90: f64,
}

impl Spread {
    /// No values make a spread of no numbers, which is over every limit.
    #[must_use]
    pub fn of(mut values: Vec<f64>) -> Self {
        values.sort_unstable_by(f64::total_cmp);
        Spread { p10: rank(&values, 10), median: rank(&values, 50), p90: rank(&values, 90) }
    }

    /// Of one value.
    #[must_use]
    pub fn flat(value: f64) -> Self {
        Spread { p10: value, median: value, p90: value }
    }
}

/// The value below which so many percent of the sorted `values` lie.
#[must_use]
pub fn rank(values: &[f64], percent: usize) -> f64 {
    let rank = (values.len() * percent).div_ceil(100);
    values.get(rank.saturating_sub(1)).copied().unwrap_or(f64::NAN)
}

/// As scripts are told of it: no number is `null`.
#[expect(clippy::float_arithmetic, reason = "a measured figure is rounded")]
#[must_use]
pub fn thousandths(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}

/// Three digits that say something.
#[must_use]
pub fn short(value: f64) -> String {
    let digits = match value.abs() {
        to if to >= 100.0 => 0,
        to if to >= 10.0 => 1,
        to if to >= 1.0 => 2,
        _ => 3,
    };
    if value.is_finite() { format!("{value:.digits$}") } else { "-".to_owned() }
}

/// Aligns these columns to the right.
pub fn right<const COLUMNS: usize>(table: &mut Table, columns: [usize; COLUMNS]) {
    for column in columns {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spreads_are_of_values_that_occurred() {
        let spread = Spread::of((1..=100).rev().map(f64::from).collect());
        assert_eq!(spread, Spread { p10: 10.0, median: 50.0, p90: 90.0 });
        assert!(Spread::of(Vec::new()).median.is_nan());
    }

    #[test]
    fn figures_are_short() {
        assert_eq!([9.618, 123.4, 0.0567, 12.34].map(short), ["9.62", "123", "0.057", "12.3"]);
        assert_eq!(short(f64::NAN), "-");
    }
}
