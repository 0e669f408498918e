//! Rounds of `cargo check`, the variants by turns, so that a slow minute of the machine is shared by all.

#![expect(clippy::disallowed_methods, reason = "it is the compiler's real time that is measured")]

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::package::{Package, succeeded};
use super::source::Variant;

/// How long the checks took.
pub(crate) struct Times {
    pub(crate) limited: Series,
    pub(crate) plain: Series,
    pub(crate) instrument: Series,
    /// `cargo check` with nothing to do: it is in all the others.
    pub(crate) idle: Series,
}

/// Sorted.
pub(crate) struct Series(Vec<Duration>);

impl Series {
    pub(crate) fn new(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        Series(times)
    }

    pub(crate) fn median(&self) -> Duration {
        self.rank(50)
    }

    pub(crate) fn p10(&self) -> Duration {
        self.rank(10)
    }

    /// By nearest rank: the least time that so many percent did not exceed.
    fn rank(&self, percent: usize) -> Duration {
        let rank = (self.0.len() * percent).div_ceil(100);
        self.0.get(rank.saturating_sub(1)).copied().unwrap_or_default()
    }
}

/// Draws nothing where stderr is no terminal.
pub(crate) fn progress(rounds: usize) -> Result<ProgressBar, String> {
    let style = ProgressStyle::with_template("{bar:30.green} {pos}/{len} {elapsed} {wide_msg:.dim}")
        .map_err(|error| error.to_string())?;
    let checks = u64::try_from((rounds + 1) * (Variant::ALL.len() + 1)).unwrap_or(u64::MAX);
    Ok(ProgressBar::new(checks).with_style(style))
}

/// The first round only warms up.
pub(crate) fn rounds(package: &Package, rounds: usize, bar: &ProgressBar) -> Result<Times, String> {
    let mut checks = Variant::ALL.map(|_| Vec::new());
    let mut idle = Vec::new();
    for round in 0..=rounds {
        let keep = |times: &mut Vec<Duration>, took| {
            if round > 0 {
                times.push(took);
            }
            bar.inc(1);
        };
        for (variant, times) in Variant::ALL.into_iter().zip(&mut checks) {
            bar.set_message(variant.name());
            package.write_library(variant)?;
            keep(times, check(package, variant, true)?);
        }
        bar.set_message("cargo alone");
        keep(&mut idle, check(package, Variant::Plain, false)?);
    }
    let [plain, limited, instrument] = checks.map(Series::new);
    Ok(Times { limited, plain, instrument, idle: Series::new(idle) })
}

/// How long it took, provided that cargo checked what it was meant to and nothing else.
fn check(package: &Package, variant: Variant, anew: bool) -> Result<Duration, String> {
    let mut cargo = package.check(variant);
    let started = Instant::now();
    let output = succeeded(&mut cargo)?;
    let took = started.elapsed();
    let said = String::from_utf8_lossy(&output.stderr);
    let checked: Vec<_> =
        said.lines().filter_map(|line| line.trim_start().strip_prefix("Checking ")).collect();
    let as_meant = match checked.as_slice() {
        [] => !anew,
        [only] => anew && only.starts_with(&format!("{} v", variant.name())),
        _ => false,
    };
    if as_meant && !said.contains("warning:") {
        return Ok(took);
    }
    Err(format!("`cargo check` of `{}` did not do what was to be measured:\n{said}", variant.name()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_times_that_occurred() {
        let series = Series::new((1..=15).rev().map(Duration::from_millis).collect());
        assert_eq!((series.median(), series.p10()), (Duration::from_millis(8), Duration::from_millis(2)));
        let one = Series::new(vec![Duration::from_millis(3)]);
        assert_eq!((one.median(), one.p10()), (Duration::from_millis(3), Duration::from_millis(3)));
    }
}
