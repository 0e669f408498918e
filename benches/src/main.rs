//! Measures calls beside the same by hand and beside other limiters, round-robin in one process.
//!
//! A new row is one entry in `rows.rs`.

#![expect(clippy::float_arithmetic, reason = "statistics of measured times; no limit is computed here")]

mod args;
mod measure;
mod report;
mod rows;

use std::error::Error;
use std::process::ExitCode;

use args::Task;
use indicatif::{ProgressBar, ProgressStyle};
use measure::Measured;
use rows::{ROWS, Row};

fn main() -> ExitCode {
    let rows = match args::parse(lexopt::Parser::from_env()) {
        Ok(Task::Measure(rows)) => rows,
        Ok(Task::List) => {
            for row in ROWS {
                println!("{}", row.name);
            }
            return ExitCode::SUCCESS;
        }
        Ok(Task::Help) => {
            print!("{}", args::HELP);
            return ExitCode::SUCCESS;
        }
        Err(mistake) => {
            eprint!("error: {mistake}\n\n{}", args::HELP);
            return ExitCode::from(2);
        }
    };
    match measure_all(&rows).and_then(|measured| report::publish(&measured)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure_all(rows: &[&'static Row]) -> Result<Vec<(&'static Row, Measured)>, Box<dyn Error>> {
    let style = ProgressStyle::with_template("{bar:30.green} {elapsed} {wide_msg:.dim}")?;
    // Draws nothing where stderr is no terminal.
    let bar = ProgressBar::new(u64::try_from(rows.len())?).with_style(style);
    let mut measured = Vec::new();
    for row in rows {
        bar.set_message(row.name);
        let result = measure::both(row.ours, row.peer).map_err(|error| format!("{}: {error}", row.name))?;
        measured.push((*row, result));
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(measured)
}
