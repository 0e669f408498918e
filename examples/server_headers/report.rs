//! What the run was like: a chart while it runs, a table of the limits, and one line for scripts. All of it from the servers'
//! logs.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use comfy_table::{CellAlignment, Table, presets::UTF8_FULL_CONDENSED};

use crate::server::{Arrival, Place, Verdict};

/// How many calls a bar's block stands for.
const BLOCK: usize = 2;

pub fn heading() -> String {
    format!(
        "Calls per second at the servers: █ {BLOCK} served, × one rejected\n\n{:8}{:<38}github",
        "", "discord"
    )
}

/// One second of the chart: how many were served and rejected.
pub fn row(second: u64, discord: [usize; 2], github: [usize; 2]) -> String {
    format!("{second:>4} s  {:<38}{}", bar(discord), bar(github))
}

fn bar([served, rejected]: [usize; 2]) -> String {
    format!("{served:>3} {}{}", "█".repeat(served.div_ceil(BLOCK)), "×".repeat(rejected))
}

/// One of the limits, over all its windows of all channels.
#[derive(Debug, Default, PartialEq, Eq)]
struct Row {
    served: usize,
    rejected: usize,
    least: Duration,
    took: Duration,
}

/// All of it; both logs are in order.
pub struct Report {
    rows: BTreeMap<&'static str, Row>,
    served: usize,
    rejected: usize,
    /// No caller could have had the calls that were served served in less time.
    least: Duration,
    /// From the first arrival to the last that was served.
    took: Duration,
}

impl Report {
    pub fn of(logs: &[&[Arrival]]) -> Self {
        let arrivals = || logs.iter().copied().flatten();
        let first = arrivals().map(|arrival| arrival.at).min().unwrap_or_default();
        let mut report = Self {
            rows: BTreeMap::new(),
            served: arrivals().filter(|arrival| arrival.is_served()).count(),
            rejected: arrivals().filter(|arrival| !arrival.is_served()).count(),
            least: Duration::ZERO,
            took: Duration::ZERO,
        };
        let mut places = BTreeMap::<Place, (usize, Duration)>::new();
        for arrival in arrivals() {
            match &arrival.verdict {
                Verdict::Rejected(by) => report.rows.entry(*by).or_default().rejected += 1,
                Verdict::Served(counted) => {
                    for place in counted {
                        let (calls, last) = places.entry(*place).or_default();
                        (*calls, *last) = (*calls + 1, arrival.at);
                    }
                }
            }
        }
        for ((rule, _), (calls, last)) in places {
            let row = report.rows.entry(rule.name).or_default();
            row.served += calls;
            row.least = row.least.max(rule.least(first, calls));
            row.took = row.took.max(last.saturating_sub(first));
        }
        // Each limit alone takes its time, so all of them take at least the longest of these.
        report.least = report.rows.values().map(|row| row.least).max().unwrap_or_default();
        report.took = report.rows.values().map(|row| row.took).max().unwrap_or_default();
        report
    }

    /// A row for each limit, of all channels together; its times are of the channel with the longest.
    pub fn table(&self) -> Table {
        let mut table = Table::new();
        table.load_style(UTF8_FULL_CONDENSED);
        table.set_header(["limit", "served", "rejected", "least time", "took"]);
        for (name, Row { served, rejected, least, took }) in &self.rows {
            let counts = [served, rejected].map(ToString::to_string);
            let times = [least, took].map(|time| format!("{} s", seconds(*time)));
            table.add_row([(*name).to_owned()].into_iter().chain(counts).chain(times));
        }
        table.column_iter_mut().skip(1).for_each(|column| column.set_cell_alignment(CellAlignment::Right));
        table
    }
}

/// The last line.
impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { served, rejected, least, took, .. } = self;
        write!(out, "server_429={rejected} served={served} ")?;
        write!(out, "ideal_s={} took_s={}", seconds(*least), seconds(*took))
    }
}

fn seconds(time: Duration) -> String {
    format!("{}.{:03}", time.as_secs(), time.subsec_millis())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::Rule;

    static ALL: Rule = Rule::new("all", 3, 1);
    static EACH: Rule = Rule::new("each", 2, 5);

    fn served(ms: u64, channel: u32) -> Arrival {
        let verdict = Verdict::Served(vec![(&ALL, None), (&EACH, Some(channel))]);
        Arrival { at: Duration::from_millis(ms), verdict }
    }

    fn rejected(ms: u64, by: &'static str) -> Arrival {
        Arrival { at: Duration::from_millis(ms), verdict: Verdict::Rejected(by) }
    }

    #[test]
    fn the_last_line_is_for_scripts() {
        let one = [served(1_000, 1), served(1_100, 1), rejected(1_200, "each"), served(6_500, 1)];
        let other = [served(900, 2), rejected(7_000, "others")];
        let report = Report::of(&[&one, &other]);
        // Three on channel 1 need a second window; four of all channels need one only of theirs.
        assert_eq!(report.to_string(), "server_429=2 served=4 ideal_s=5.000 took_s=5.600");
        let each =
            Row { served: 4, rejected: 1, least: Duration::from_secs(5), took: Duration::from_millis(5_600) };
        assert_eq!(report.rows.get("each"), Some(&each));
        assert_eq!(report.rows.get("all").map(|row| row.least), Some(Duration::from_secs(1)));
        assert_eq!(report.rows.get("others").map(|row| (row.served, row.rejected)), Some((0, 1)));
        assert_eq!(report.table().row_iter().count(), 3);
    }

    #[test]
    fn a_run_without_calls_has_a_report_too() {
        assert_eq!(Report::of(&[&[], &[]]).to_string(), "server_429=0 served=0 ideal_s=0.000 took_s=0.000");
    }

    #[test]
    fn a_row_shows_one_second() {
        assert_eq!(row(1, [3, 1], [0, 0]), format!("   1 s  {:<38}  0 ", "  3 ██×"));
    }
}
