//! The command line.

use std::time::Duration;

use lexopt::{Arg, Parser, ValueExt};

use crate::options::{named, seconds};

pub const HELP: &str = "\
Calls two local HTTP servers, whose limits only their answers tell, from 48 tasks, and hangs up on one call in 20.

Usage: cargo run --release --example server_headers -- [options]

Options:
  --seconds <N>   the calls are as many as the limits let through in this time, 1 to 3600 [default: 36]
  --drops <N>     hang up on so many calls of a hundred while they are on their way, 0 to 50 [default: 5]
  --seed <N>      which calls are dropped, and when others use the server [default: 1]
  -h, --help      this text";

#[derive(Debug, PartialEq, Eq)]
pub struct Args {
    pub span: Duration,
    pub drops: u8,
    pub seed: u64,
}

/// `Ok(None)`: help was asked for.
pub fn parse(mut words: Parser) -> Result<Option<Args>, lexopt::Error> {
    let mut args = Args { span: Duration::from_secs(36), drops: 5, seed: 1 };
    while let Some(word) = words.next()? {
        match word {
            Arg::Long("seconds") => args.span = named("--seconds", words.value()?.parse_with(seconds))?,
            Arg::Long("drops") => args.drops = named("--drops", words.value()?.parse_with(percent))?,
            Arg::Long("seed") => args.seed = named("--seed", words.value()?.parse())?,
            Arg::Long("help") | Arg::Short('h') => return Ok(None),
            _ => return Err(word.unexpected()),
        }
    }
    Ok(Some(args))
}

fn percent(text: &str) -> Result<u8, &'static str> {
    match text.parse() {
        Ok(percent @ 0..=50) => Ok(percent),
        _ => Err("expected a whole number from 0 to 50"),
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
        let default = Args { span: Duration::from_secs(36), drops: 5, seed: 1 };
        assert_eq!(parsed(&[]), Ok(Some(default)));
        let all = Args { span: Duration::from_secs(3), drops: 0, seed: 7 };
        assert_eq!(parsed(&["--seconds", "3", "--drops=0", "--seed", "7"]), Ok(Some(all)));
        assert_eq!(parsed(&["-h"]), Ok(None));
    }

    #[test]
    fn mistakes_are_named() {
        for (words, part) in [
            (&["--seconds", "soon"][..], "--seconds: "),
            (&["--seconds=0"], "from 1 to 3600"),
            (&["--drops=51"], "from 0 to 50"),
            (&["--drops"], "'--drops'"),
            (&["--seed", "-1"], "--seed: "),
            (&["now"], "\"now\""),
        ] {
            let message = parsed(words).expect_err("refused");
            assert!(message.contains(part), "{words:?}: {message}");
        }
    }
}
