//! `cargo xtask compile-cost`: what the attribute costs the compiler and adds to a future.
//!
//! A generated library of 300 `async fn` is checked with the attribute, without any, and with `#[tracing::instrument]`.

mod measure;
mod package;
mod report;
mod source;

use std::ffi::OsString;
use std::process::ExitCode;

use lexopt::{Arg, Parser, ValueExt};

use crate::mistake;
use package::Package;

const HELP: &str = "\
Checks a generated library of 300 `async fn` in chains of 10, a third of them with all arguments in the attribute,
against the same without attribute and with `#[tracing::instrument]`, and compares the sizes of futures.

Usage: cargo xtask compile-cost [options]

Options:
  --rounds <N>   how often each is checked, 7 to 1000 [default: 15]
  -h, --help     this text

The generated package is left in target/compile-cost. The last line of the output is for scripts. Fails where a figure
is over its bound: 2.0 times plain, 0.4 times instrument, 128 bytes.";

const DEFAULT_ROUNDS: usize = 15;

pub(crate) fn main(words: Vec<OsString>) -> ExitCode {
    match parse(Parser::from_args(words)) {
        Ok(Some(rounds)) => match run(rounds) {
            Ok(code) => code,
            Err(error) => {
                eprintln!("error: {error}");
                ExitCode::FAILURE
            }
        },
        Ok(None) => {
            println!("{HELP}");
            ExitCode::SUCCESS
        }
        Err(error) => mistake(&error.to_string(), HELP),
    }
}

/// `Ok(None)`: help was asked for.
fn parse(mut words: Parser) -> Result<Option<usize>, lexopt::Error> {
    let mut rounds = DEFAULT_ROUNDS;
    while let Some(word) = words.next()? {
        match word {
            Arg::Long("rounds") => {
                rounds = match words.value()?.string()?.parse() {
                    Ok(rounds @ 7..=1000) => rounds,
                    _ => return Err("--rounds: expected a whole number from 7 to 1000".into()),
                }
            }
            Arg::Long("help") | Arg::Short('h') => return Ok(None),
            _ => return Err(word.unexpected()),
        }
    }
    Ok(Some(rounds))
}

fn run(rounds: usize) -> Result<ExitCode, String> {
    let package = Package::generate()?;
    let bar = measure::progress(rounds)?;
    bar.set_message("the dependencies");
    package.build_dependencies()?;
    let sizes = package.sizes()?;
    let times = measure::rounds(&package, rounds, &bar)?;
    bar.finish_and_clear();
    Ok(report::print(&times, &sizes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(words: &[&str]) -> Result<Option<usize>, String> {
        parse(Parser::from_args(words)).map_err(|error| error.to_string())
    }

    #[test]
    fn rounds_and_help() {
        assert_eq!(parsed(&[]), Ok(Some(DEFAULT_ROUNDS)));
        assert_eq!(parsed(&["--rounds", "7"]), Ok(Some(7)));
        assert_eq!(parsed(&["--rounds=9", "-h"]), Ok(None));
    }

    #[test]
    fn mistakes_are_named() {
        for (words, part) in [
            (&["--rounds", "6"][..], "--rounds: expected a whole number from 7 to 1000"),
            (&["--rounds", "many"], "--rounds: expected"),
            (&["--rounds"], "'--rounds'"),
            (&["--round", "9"], "'--round'"),
            (&["9"], "\"9\""),
        ] {
            let message = parsed(words).expect_err("refused");
            assert!(message.contains(part), "{words:?}: {message}");
        }
    }
}
