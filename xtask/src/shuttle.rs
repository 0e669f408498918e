//! `cargo xtask shuttle`: the models of threads in `models/`.

use std::ffi::OsString;
use std::process::ExitCode;

use lexopt::{Arg, Parser, ValueExt};

use crate::{cargo, mistake, nightly};

const HELP: &str = "\
Runs the models of what threads do to a bucket at the same time (dropped while being granted, closed or replaced while
others wait, an entry that expires under two of them, a gate that is changed while they pass) under shuttle, which
chooses who goes on wherever threads meet: by lot, and with few switches.

Usage: cargo xtask shuttle [options] [MODEL]..

Models: those whose names contain one of these words; all unless told.

Options:
  --iterations <N>  how many schedules of each kind are run of each model [default: 10000]
  --replay <TEXT>   runs the one schedule that a failure printed, of the one model that is named
  -h, --help        this text

Needs nothing that cargo does not fetch. A thread that nobody wakes is found, and so is one that goes round in circles.";

#[derive(Debug, Default, PartialEq, Eq)]
struct Wanted {
    models: Vec<String>,
    iterations: Option<u32>,
    replay: Option<String>,
}

pub(crate) fn main(words: Vec<OsString>) -> ExitCode {
    match parse(Parser::from_args(words)) {
        Ok(Some(wanted)) => nightly::end(run(&wanted)),
        Ok(None) => {
            println!("{HELP}");
            ExitCode::SUCCESS
        }
        Err(error) => mistake(&error.to_string(), HELP),
    }
}

/// `Ok(None)`: help was asked for.
fn parse(mut words: Parser) -> Result<Option<Wanted>, lexopt::Error> {
    let mut wanted = Wanted::default();
    while let Some(word) = words.next()? {
        match word {
            Arg::Long("iterations") => wanted.iterations = Some(words.value()?.parse()?),
            Arg::Long("replay") => wanted.replay = Some(words.value()?.string()?),
            Arg::Long("help") | Arg::Short('h') => return Ok(None),
            Arg::Value(name) => wanted.models.push(name.string()?),
            _ => return Err(word.unexpected()),
        }
    }
    if wanted.iterations == Some(0) {
        return Err("no iterations show nothing".into());
    }
    if wanted.replay.is_some() && wanted.models.len() != 1 {
        return Err("a schedule is of one model: which?".into());
    }
    Ok(Some(wanted))
}

fn run(wanted: &Wanted) -> Result<ExitCode, String> {
    let mut cargo = cargo();
    cargo.args(["test", "--quiet", "--no-fail-fast", "--manifest-path", "models/Cargo.toml", "--"]);
    cargo.arg("--nocapture").args(&wanted.models);
    if let Some(iterations) = wanted.iterations {
        cargo.env("MODELS_ITERATIONS", iterations.to_string());
    }
    if let Some(schedule) = &wanted.replay {
        cargo.env("MODELS_REPLAY", schedule);
    }
    nightly::run(&mut cargo)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};

    use super::*;
    use crate::root;

    fn parsed(words: &[&str]) -> Result<Option<Wanted>, String> {
        parse(Parser::from_args(words)).map_err(|error| error.to_string())
    }

    #[test]
    fn options() {
        assert_eq!(parsed(&[]), Ok(Some(Wanted::default())));
        let wanted = Wanted { models: vec!["gate".to_owned()], iterations: Some(7), replay: None };
        assert_eq!(parsed(&["--iterations", "7", "gate"]), Ok(Some(wanted)));
        assert_eq!(parsed(&["-h"]), Ok(None));
        for (words, part) in [
            (&["--iterations", "0"][..], "show nothing"),
            (&["--iterations", "x"], "x"),
            (&["--replay", "91"], "which"),
            (&["-q"], "'-q'"),
        ] {
            let message = parsed(words).expect_err("refused");
            assert!(message.contains(part), "{words:?}: {message}");
        }
    }

    fn files(folder: &Path) -> Vec<PathBuf> {
        let mut found = Vec::new();
        for entry in fs::read_dir(folder).expect("it is there") {
            let path = entry.expect("it is readable").path();
            if path.is_dir() {
                found.extend(files(&path));
            } else {
                found.push(path);
            }
        }
        found
    }

    /// A lock of the standard library would stop the one thread on which a model's threads take turns, and an atomic
    /// of its would hide what happens between two of them.
    #[test]
    fn what_threads_meet_at_comes_from_one_place() {
        let source = root().join("ratelimit-core/src");
        for path in files(&source) {
            let text = fs::read_to_string(&path).expect("it is readable");
            // Models have no servers and no files, and none of the tests.
            let beside = ["redis", "sqlite", "conformance", "tests", "tests.rs"];
            let is_beside = path.iter().any(|part| beside.iter().any(|name| part == *name));
            let is_exempt = is_beside || path.ends_with("sync.rs") || path.ends_with("clock/machine.rs");
            for line in text.lines().filter(|line| !is_exempt && line.starts_with("use std::sync::")) {
                let forbidden =
                    ["Atomic", "fence", "Mutex", "RwLock", "Condvar", "Barrier", "mpsc", "Once}", "Once,"];
                let found = forbidden.iter().find(|name| line.contains(**name));
                assert!(found.is_none(), "{}: `{line}`: take it from `crate::sync`", path.display());
            }
        }
    }
}
