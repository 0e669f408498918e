//! Measures calls beside the same by hand and beside other limiters, in one process.
//!
//! A new row is an entry in `rows.rs` and a line of some contest.

#![expect(clippy::float_arithmetic, reason = "statistics of measured times; no limit is computed here")]

mod limiters;
mod measure;
mod probes;
mod report;
mod rows;
mod verdict;

use std::collections::BTreeSet;
use std::process::ExitCode;

use figures::Program;
use indicatif::{ProgressBar, ProgressStyle};
use measure::{Failure, Line};
use rows::{Contest, ROWS, Row};

fn main() -> ExitCode {
    let help = include_str!("../help.txt");
    Program { rows: ROWS, help, measure: measure_all, child: ("first-use", rows::print_first_use) }.main()
}

/// `false` = some row is over its limit.
fn measure_all(rows: &[&'static Row]) -> Result<bool, Failure> {
    let mut contests: Vec<&Contest> = Vec::new();
    for row in rows {
        if !contests.iter().any(|contest| contest.name == row.contest.name) {
            contests.push(row.contest);
        }
    }
    let style = ProgressStyle::with_template("{bar:30.green} {elapsed} {wide_msg:.dim}")?;
    // Draws nothing where stderr is no terminal.
    let bar = ProgressBar::new(u64::try_from(contests.len() + 1)?).with_style(style);
    let mut lines: Vec<Line> = Vec::new();
    for contest in contests {
        bar.set_message(contest.name);
        lines.extend((contest.run)().map_err(|error| format!("{}: {error}", contest.name))?);
        bar.inc(1);
    }
    bar.set_message("who is correct");
    let who: BTreeSet<_> = lines.iter().map(|line| line.who).collect();
    let flaws = probes::flaws(&who)?;
    bar.finish_and_clear();
    let place = |line: &Line| rows.iter().position(|row| row.name == line.action);
    lines.retain(|line| place(line).is_some());
    lines.sort_by_key(place);
    let verdicts = rows.iter().map(|row| verdict::of(row, &lines, &flaws)).collect::<Result<Vec<_>, _>>()?;
    report::publish(&verdicts, &lines, &flaws)
}
