//! The command line.

use std::time::Duration;

use lexopt::{Arg, Parser, ValueExt};
use rate_limited::Pace;

use crate::options::{named, seconds};

pub const HELP: &str = "\
Calls a local HTTP server from 40 tasks and 4 threads, as fast as its limits permit and without a single 429.

Usage: cargo run --release --example kitsu -- [options]

Options:
  --seconds <N>   how long calls are started, 1 to 3600 [default: 20]
  --rate <PACE>   `normal`, or `slow`: at half the permitted rate [default: normal]
  --no-guard      start calls at the very edge of the limits: shows what the guard is for
  -h, --help      this text";

#[derive(Debug, PartialEq, Eq)]
pub struct Args {
    pub run_for: Duration,
    pub pace: Pace,
    pub guard: bool,
}

/// `Ok(None)`: help was asked for.
pub fn parse(mut words: Parser) -> Result<Option<Args>, lexopt::Error> {
    let mut args = Args { run_for: Duration::from_secs(20), pace: Pace::Normal, guard: true };
    while let Some(word) = words.next()? {
        match word {
            Arg::Long("seconds") => args.run_for = named("--seconds", words.value()?.parse_with(seconds))?,
            Arg::Long("rate") => args.pace = named("--rate", words.value()?.parse())?,
            Arg::Long("no-guard") => args.guard = false,
            Arg::Long("help") | Arg::Short('h') => return Ok(None),
            _ => return Err(word.unexpected()),
        }
    }
    Ok(Some(args))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(words: &[&str]) -> Result<Option<Args>, String> {
        parse(Parser::from_args(words)).map_err(|error| error.to_string())
    }

    #[test]
    fn all_options() {
        let default = Args { run_for: Duration::from_secs(20), pace: Pace::Normal, guard: true };
        assert_eq!(parsed(&[]), Ok(Some(default)));
        let all = Args { run_for: Duration::from_secs(3), pace: Pace::Slow, guard: false };
        assert_eq!(parsed(&["--seconds", "3", "--rate=slow", "--no-guard"]), Ok(Some(all)));
        assert_eq!(parsed(&["-h"]), Ok(None));
    }

    #[test]
    fn mistakes_are_named() {
        for (words, part) in [
            (&["--seconds", "soon"][..], "--seconds: "),
            (&["--seconds=0"], "from 1 to 3600"),
            (&["--seconds", "1e9"], "\"1e9\""),
            (&["--seconds"], "'--seconds'"),
            (&["--rate", "fast"], "--rate: "),
            (&["--no-guard=1"], "'--no-guard'"),
            (&["--verbose"], "'--verbose'"),
            (&["now"], "\"now\""),
        ] {
            let message = parsed(words).expect_err("refused");
            assert!(message.contains(part), "{words:?}: {message}");
        }
    }
}
