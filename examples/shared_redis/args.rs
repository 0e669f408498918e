//! The command line.

use std::time::Duration;

use lexopt::{Arg, Parser, ValueExt};

use crate::options::{named, seconds};

pub const HELP: &str = "\
Calls a local HTTP server from several processes under one limit, kills one of them, and then the Redis that they share.

Usage: cargo run --release --example shared_redis -- [options]

Options:
  --processes <N>   how many processes call, 6 to 26 [default: 6]
  --seconds <N>     how long they call, 5 to 3600 [default: 24]
  --sqlite          keep the limit in an SQLite file, which cannot go away: a process is killed, and nothing else
  --seed <N>        which process is killed, and how long the server takes for its answers [default: 1]
  -h, --help        this text";

#[derive(Debug, PartialEq, Eq)]
pub struct Args {
    pub processes: usize,
    pub run_for: Duration,
    pub sqlite: bool,
    pub seed: u64,
}

/// `Ok(None)`: help was asked for.
pub fn parse(mut words: Parser) -> Result<Option<Args>, lexopt::Error> {
    let mut args = Args { processes: 6, run_for: Duration::from_secs(24), sqlite: false, seed: 1 };
    while let Some(word) = words.next()? {
        match word {
            Arg::Long("processes") => {
                args.processes = named("--processes", words.value()?.parse_with(processes))?;
            }
            Arg::Long("seconds") => {
                args.run_for = named("--seconds", words.value()?.parse_with(long_enough))?;
            }
            Arg::Long("sqlite") => args.sqlite = true,
            Arg::Long("seed") => args.seed = named("--seed", words.value()?.parse())?,
            Arg::Long("help") | Arg::Short('h') => return Ok(None),
            _ => return Err(word.unexpected()),
        }
    }
    Ok(Some(args))
}

/// Several share what is left when one is killed: with few of them a share kept by each would look much like one limit kept
/// by all. And they are called by letters.
fn processes(text: &str) -> Result<usize, &'static str> {
    match text.parse() {
        Ok(processes @ 6..=26) => Ok(processes),
        _ => Err("expected a whole number from 6 to 26"),
    }
}

/// Long enough for all that happens half way.
fn long_enough(text: &str) -> Result<Duration, &'static str> {
    match seconds(text) {
        Ok(long) if long >= Duration::from_secs(5) => Ok(long),
        _ => Err("expected a whole number from 5 to 3600"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(words: &[&str]) -> Result<Option<Args>, String> {
        parse(Parser::from_args(words)).map_err(|error| error.to_string())
    }

    #[test]
    fn all_options() {
        let default = Args { processes: 6, run_for: Duration::from_secs(24), sqlite: false, seed: 1 };
        assert_eq!(parsed(&[]), Ok(Some(default)));
        let all = Args { processes: 8, run_for: Duration::from_secs(5), sqlite: true, seed: 7 };
        let words = ["--processes", "8", "--seconds=5", "--sqlite", "--seed", "7"];
        assert_eq!(parsed(&words), Ok(Some(all)));
        assert_eq!(parsed(&["-h"]), Ok(None));
    }

    #[test]
    fn mistakes_are_named() {
        for (words, part) in [
            (&["--seconds", "soon"][..], "--seconds: "),
            (&["--seconds=4"], "from 5 to 3600"),
            (&["--seconds=3601"], "from 5 to 3600"),
            (&["--processes=5"], "--processes: "),
            (&["--processes=27"], "from 6 to 26"),
            (&["--processes"], "'--processes'"),
            (&["--sqlite=no"], "'--sqlite'"),
            (&["--seed", "-1"], "--seed: "),
            (&["now"], "\"now\""),
        ] {
            let message = parsed(words).expect_err("refused");
            assert!(message.contains(part), "{words:?}: {message}");
        }
    }
}
