//! What the run was like: a chart, a table, and one line for scripts.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use comfy_table::{CellAlignment, Table, presets::UTF8_FULL_CONDENSED};
use rate_limited::ErrorKind;

use crate::load::Call;
use crate::server::Traffic;

/// All of it, from the server's log of both limits and the callers' own.
pub fn print(kitsu: &Traffic, trending: &Traffic, calls: &[Call]) {
    println!("{}", Chart { kitsu, trending });
    println!("{}", paths(&[kitsu, trending]));
    println!("{}\n", table(calls));
    if let Some(failure) = calls.iter().find_map(|call| call.failure.as_ref()) {
        println!("The first call that the server did not serve: {failure}\n");
    }
    println!("{}", Summary::of(&[kitsu, trending], calls));
}

/// Each limit's weight per second as bars. A long run has rows of several seconds, which show their mean.
struct Chart<'a> {
    kitsu: &'a Traffic,
    trending: &'a Traffic,
}

impl Chart<'_> {
    const ROWS: u64 = 25;
}

impl fmt::Display for Chart<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let arrivals = || self.kitsu.arrivals.iter().chain(&self.trending.arrivals).map(|call| call.at);
        let first = arrivals().min().unwrap_or_default();
        let seconds = arrivals().max().map_or(0, |last| last.saturating_sub(first).as_secs() + 1);
        let step = seconds.div_ceil(Self::ROWS).max(1);

        writeln!(out, "Weight per second at the server: █ served, × answered 429, │ the limit\n")?;
        writeln!(out, "{:8}{:<27}trending: 5/s", "", "kitsu: 10/s, 10 at once")?;
        for from in (0..seconds.div_ceil(step)).map(|row| row * step) {
            let mean = |traffic| mean(traffic, first + Duration::from_secs(from), step);
            writeln!(out, "{from:>4} s  {:<25}  {}", bar(mean(self.kitsu), 10), bar(mean(self.trending), 5))?;
        }
        Ok(())
    }
}

/// The weight per second, served and not, over some seconds.
fn mean(traffic: &Traffic, from: Duration, seconds: u64) -> [usize; 2] {
    let span = from..from + Duration::from_secs(seconds);
    [true, false].map(|accepted| {
        let calls =
            traffic.arrivals.iter().filter(|call| call.accepted == accepted && span.contains(&call.at));
        let weight: u64 = calls.map(|call| u64::from(call.weight)).sum();
        usize::try_from(weight.div_ceil(seconds)).unwrap_or(usize::MAX)
    })
}

fn bar([served, refused]: [usize; 2], limit: usize) -> String {
    let mut cells: Vec<char> = "█".repeat(served).chars().chain("×".repeat(refused).chars()).collect();
    cells.resize(cells.len().max(limit), ' ');
    cells.insert(limit, '│');
    format!("{served:>2} {}", cells.into_iter().collect::<String>())
}

fn paths(limits: &[&Traffic]) -> String {
    let mut counts = BTreeMap::new();
    for call in limits.iter().flat_map(|traffic| &traffic.arrivals) {
        let first = call.path.split('/').nth(1).unwrap_or_default();
        *counts.entry(first).or_insert(0) += 1;
    }
    let counts: Vec<_> = counts.into_iter().map(|(path, calls)| format!("{calls} × /{path}")).collect();
    format!("Arrived at the server: {}", counts.join(", "))
}

/// A row for each function, a column for each kind of refusal.
fn table(calls: &[Call]) -> Table {
    let kinds: BTreeSet<_> =
        calls.iter().filter_map(|call| call.waited.err()).map(ErrorKind::as_str).collect();
    let functions: BTreeSet<_> = calls.iter().map(|call| call.function).collect();
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED);
    let refusals = kinds.iter().map(|kind| format!("refused:\n{kind}"));
    let header = ["function", "calls", "waited\np50", "\np99", "\nmax"].map(str::to_owned);
    table.set_header(header.into_iter().chain(refusals));
    for function in functions {
        let mine = || calls.iter().filter(|call| call.function == function);
        let mut waits: Vec<_> = mine().filter_map(|call| call.waited.ok()).collect();
        waits.sort_unstable();
        let shown = [50, 99, 100].map(|percent| percentile(&waits, percent).map_or("-".to_owned(), seconds));
        let refused =
            kinds.iter().map(|kind| mine().filter(|call| call.waited.is_err_and(|is| is.as_str() == *kind)));
        let refused = refused.map(|calls| calls.count().to_string());
        table.add_row(
            [function.to_owned(), mine().count().to_string()].into_iter().chain(shown).chain(refused),
        );
    }
    table.column_iter_mut().skip(1).for_each(|column| column.set_cell_alignment(CellAlignment::Right));
    table
}

/// By nearest rank: the least wait that so many percent did not exceed.
fn percentile(sorted: &[Duration], percent: usize) -> Option<Duration> {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.checked_sub(1)?).copied()
}

fn seconds(wait: Duration) -> String {
    format!("{}.{:03} s", wait.as_secs(), wait.subsec_millis())
}

/// The last line.
#[derive(Debug, PartialEq, Eq)]
struct Summary {
    served: usize,
    server_429: usize,
    refused_here: usize,
    /// The weight served, in thousandths of the most that the server would have let through; of the worse used limit.
    utilisation: u64,
}

impl Summary {
    fn of(limits: &[&Traffic], calls: &[Call]) -> Self {
        let arrivals = || limits.iter().flat_map(|traffic| &traffic.arrivals);
        Self {
            served: arrivals().filter(|call| call.accepted).count(),
            server_429: arrivals().filter(|call| !call.accepted).count(),
            refused_here: calls.iter().filter(|call| call.waited.is_err()).count(),
            utilisation: limits.iter().map(|traffic| utilisation(traffic)).min().unwrap_or(0),
        }
    }
}

fn utilisation(traffic: &Traffic) -> u64 {
    let served = traffic.arrivals.iter().filter(|call| call.accepted).map(|call| u64::from(call.weight));
    (served.sum::<u64>() * 1000).checked_div(traffic.most).unwrap_or(0)
}

impl fmt::Display for Summary {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { served, server_429, refused_here, utilisation } = self;
        write!(out, "served={served} server_429={server_429} refused_here={refused_here} ")?;
        write!(out, "utilisation={}.{:03}", utilisation / 1000, utilisation % 1000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::Arrival;

    fn traffic(most: u64, calls: &[(u64, u32, bool)]) -> Traffic {
        let arrival = |&(ms, weight, accepted)| Arrival {
            at: Duration::from_millis(ms),
            path: "/anime/1".to_owned(),
            weight,
            accepted,
        };
        Traffic { arrivals: calls.iter().map(arrival).collect(), most }
    }

    fn call(function: &'static str, waited: Result<u64, ErrorKind>) -> Call {
        Call { function, waited: waited.map(Duration::from_millis), failure: None }
    }

    #[test]
    fn the_last_line_is_for_scripts() {
        let kitsu = traffic(20, &[(0, 2, true), (10, 1, false), (900, 17, true)]);
        let trending = traffic(4, &[(0, 1, true), (0, 1, true), (1, 2, true)]);
        let calls = [call("search", Ok(5)), call("search", Err(ErrorKind::Closed))];
        let line = Summary::of(&[&kitsu, &trending], &calls).to_string();
        assert_eq!(line, "served=5 server_429=1 refused_here=1 utilisation=0.950");
    }

    #[test]
    fn utilisation_is_the_lower_limits_and_never_rounded_up() {
        let full = traffic(10, &[(0, 10, true)]);
        let nearly = traffic(3, &[(0, 2, true)]);
        assert_eq!(Summary::of(&[&full], &[]).utilisation, 1000);
        assert_eq!(Summary::of(&[&full, &nearly], &[]).utilisation, 666);
    }

    #[test]
    fn a_run_without_calls_has_a_report_too() {
        let none = Traffic::default();
        assert_eq!(
            Summary::of(&[&none, &none], &[]).to_string(),
            "served=0 server_429=0 refused_here=0 utilisation=0.000"
        );
        assert_eq!(table(&[]).row_iter().count(), 0);
    }

    #[test]
    fn percentiles_are_waits_that_occurred() {
        let waits: Vec<_> = (1..=200).map(Duration::from_millis).collect();
        let shown = [50, 99, 100].map(|percent| percentile(&waits, percent).map(seconds));
        assert_eq!(shown, ["0.100 s", "0.198 s", "0.200 s"].map(|text| Some(text.to_owned())));
        assert_eq!(percentile(&waits[..1], 50), Some(Duration::from_millis(1)));
        assert_eq!(percentile(&[], 50), None);
    }

    #[test]
    fn bars_show_what_went_over_the_limit() {
        assert_eq!(bar([3, 0], 5), " 3 ███  │");
        assert_eq!(bar([5, 2], 5), " 5 █████│××");
    }

    #[test]
    fn long_runs_show_means() {
        let calls: Vec<_> = (0..100).map(|second| (second * 1000, 3, true)).collect();
        let chart = Chart { kitsu: &traffic(1000, &calls), trending: &Traffic::default() }.to_string();
        assert_eq!(chart.matches(" 3 ").count(), 25, "{chart}");
    }
}
