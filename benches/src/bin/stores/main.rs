//! Measures buckets over stores beside what the stores' own clients and others take: `cargo xtask bench stores`.
//!
//! A new row is an entry in `rows.rs` and a figure of some contest.

#![expect(clippy::float_arithmetic, reason = "statistics of measured times; no limit is computed here")]

mod contests;
mod measure;
mod python;
mod report;
mod rows;
mod server;

use std::process::ExitCode;

use figures::Program;
use indicatif::{ProgressBar, ProgressStyle};
use measure::Failure;
use report::Verdict;
use rows::{Contest, ROWS, Row};

fn main() -> ExitCode {
    let help = include_str!("help.txt");
    Program { rows: ROWS, help, measure: measure_all, child: ("one-of-many", contests::print_one_of_many) }
        .main()
}

/// `false` = some row is over its limit, or its measurement failed.
fn measure_all(rows: &[&'static Row]) -> Result<bool, Failure> {
    let mut contests: Vec<&Contest> = Vec::new();
    for row in rows {
        if !contests.iter().any(|contest| contest.name == row.contest.name) {
            contests.push(row.contest);
        }
    }
    let style = ProgressStyle::with_template("{bar:30.green} {elapsed} {wide_msg:.dim}")?;
    // Draws nothing where stderr is no terminal.
    let bar = ProgressBar::new(u64::try_from(contests.len())?).with_style(style);
    let mut verdicts: Vec<Verdict> = Vec::new();
    for contest in contests {
        bar.set_message(contest.name);
        // What one lacks, or fails of, is no reason not to run the others.
        let measured = (contest.run)();
        let of_contest = rows.iter().filter(|row| row.contest.name == contest.name);
        verdicts.extend(of_contest.map(|row| Verdict::of(row, &measured)));
        bar.inc(1);
    }
    bar.finish_and_clear();
    verdicts.sort_by_key(|verdict| rows.iter().position(|row| row.name == verdict.row.name));
    report::publish(&verdicts)
}
