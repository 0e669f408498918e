//! `cargo xtask mutants`: whether the tests notice when the engine is changed.

mod survivors;

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use lexopt::{Arg, Parser, ValueExt};

use crate::{mistake, nightly, root};
use survivors::{Survivors, name};

const HELP: &str = "\
Changes the engine's policies, lines and rates in one place after the other, by cargo-mutants, and runs the engine's
tests on each: unit tests and laws first, and what these let live meets all tests under the manual clock.

Usage: cargo xtask mutants [options]

Options:
  --file <PATH>  only these files of ratelimit-core/src, such as `pace.rs` or `line/*.rs`; may be given again
  --jobs <N>     how many are tested at once [default: 1]
  --write        writes the list of survivors anew, where those that are new want a reason
  -h, --help     this text

Needs cargo-mutants. Fails if less than 95 % are caught, if one survived that xtask/survivors.txt does not list with a
reason, or if one was caught that it lists. What cargo-mutants says of each is left in target/mutants.out.";

/// What is changed unless told.
const FILES: [&str; 7] =
    ["policy.rs", "policy/**/*.rs", "line.rs", "line/**/*.rs", "rate.rs", "rate/**/*.rs", "pace.rs"];

/// The tests that are asked after the unit tests and the laws: those under the manual clock. What sleeps in real time
/// would only make it slow.
const TESTS: [&str; 18] = [
    "cancellation",
    "charges",
    "conformance",
    "corrections",
    "errors",
    "fixed_window",
    "in_flight",
    "keys_and_config",
    "leaky",
    "long_windows",
    "max_waiting",
    "mended",
    "oracles",
    "own_policies",
    "permits",
    "registry",
    "replacement",
    "wakers",
];

/// Parts of the names of tests that take seconds where nothing is optimised, and of those that show nothing of what is
/// changed here.
const SKIPPED: [&str; 6] = [
    "store::table",
    "builtins::",
    "many_dropped",
    "any_subset_of",
    "clock_going_backwards",
    "at_the_very_end",
];

/// How many random schedules are played on each, enough to meet everything often.
const SCHEDULES: &str = "3000";
/// How many where most are caught by the first few.
const FEW_SCHEDULES: &str = "600";

const LEAST: usize = 95;

#[derive(Debug, Default, PartialEq, Eq)]
struct Wanted {
    files: Vec<String>,
    jobs: u32,
    write: bool,
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
    let mut wanted = Wanted { jobs: 1, ..Wanted::default() };
    while let Some(word) = words.next()? {
        match word {
            Arg::Long("file") => wanted.files.push(words.value()?.string()?),
            Arg::Long("jobs") => wanted.jobs = words.value()?.parse()?,
            Arg::Long("write") => wanted.write = true,
            Arg::Long("help") | Arg::Short('h') => return Ok(None),
            _ => return Err(word.unexpected()),
        }
    }
    Ok(Some(wanted))
}

fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

fn run(wanted: &Wanted) -> Result<ExitCode, String> {
    nightly::needs_tool("mutants")?;
    let outcomes = target().join("mutants.out");
    // What the first pass catches costs two small binaries, and is most; the second asks everybody about the rest.
    test(wanted, &outcomes, false)?;
    let first = Outcomes::read(&outcomes)?;
    let all = if first.missed.is_empty() && first.hung.is_empty() {
        first
    } else {
        test(wanted, &outcomes, true)?;
        first.then(Outcomes::read(&outcomes)?)
    };
    judge(wanted.write, wanted.files.is_empty(), &all)
}

/// Has cargo-mutants try the mutants: all with few tests, or what these did not catch with all.
fn test(wanted: &Wanted, outcomes: &Path, rest: bool) -> Result<(), String> {
    let mut cargo = crate::cargo();
    cargo.args(["mutants", "--package", "ratelimit-core", "--no-shuffle", "--colors", "never"]);
    cargo.args(["--features", "test-util", "--minimum-test-timeout", "60"]);
    cargo.args(["--jobs", &wanted.jobs.to_string()]).arg("--output").arg(target());
    let files: Vec<&str> = wanted.files.iter().map(String::as_str).collect();
    for file in if files.is_empty() { FILES.to_vec() } else { files } {
        cargo.args(["--file", &format!("ratelimit-core/src/{file}")]);
    }
    if rest {
        cargo.arg("--iterate");
    }
    cargo.args(["--", "--lib", "--test", "laws"]);
    if rest {
        for test in TESTS {
            cargo.args(["--test", test]);
        }
    } else {
        cargo.arg("--");
        for name in SKIPPED {
            cargo.args(["--skip", name]);
        }
    }
    // Each is built where its copy is, and never in what two of them would share.
    cargo.env_remove("CARGO_TARGET_DIR").env_remove("LAWS_SEED").env("CARGO_PROFILE_DEV_DEBUG", "0");
    cargo.env("LAWS_SCHEDULES", if rest { SCHEDULES } else { FEW_SCHEDULES });
    // It fails where any survived, which is judged here; without outcomes it failed for another reason.
    let began = outcomes.join("outcomes.json");
    let _ = fs::remove_file(&began);
    nightly::run(&mut cargo)?;
    if began.is_file() { Ok(()) } else { Err("cargo-mutants tested nothing".to_owned()) }
}

/// The mutants by what came of them.
#[derive(Debug, Default, PartialEq, Eq)]
struct Outcomes {
    caught: Vec<String>,
    missed: Vec<String>,
    /// Whoever waits for ever was noticed as well.
    hung: Vec<String>,
    unviable: Vec<String>,
}

impl Outcomes {
    fn read(folder: &Path) -> Result<Self, String> {
        Ok(Outcomes {
            caught: listed(folder, "caught")?,
            missed: listed(folder, "missed")?,
            hung: listed(folder, "timeout")?,
            unviable: listed(folder, "unviable")?,
        })
    }

    /// With what came of those that were left over.
    fn then(self, rest: Outcomes) -> Self {
        let Outcomes { missed, hung, .. } = rest;
        let caught = [self.caught, rest.caught].concat();
        Outcomes { caught, missed, hung, unviable: [self.unviable, rest.unviable].concat() }
    }
}

/// The mutants of one outcome.
fn listed(outcomes: &Path, outcome: &str) -> Result<Vec<String>, String> {
    let path = outcomes.join(format!("{outcome}.txt"));
    let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(text.lines().map(name).collect())
}

fn judge(write: bool, is_all: bool, outcomes: &Outcomes) -> Result<ExitCode, String> {
    let Outcomes { caught, missed, hung, unviable } = outcomes;
    let (noticed, tested) = (caught.len() + hung.len(), caught.len() + hung.len() + missed.len());
    println!(
        "{tested} mutants: {} caught, {} ran into the time limit, {} survived; {} did not compile",
        caught.len(),
        hung.len(),
        missed.len(),
        unviable.len()
    );
    if tested == 0 {
        return Err("no mutants: no such file?".to_owned());
    }
    let path = root().join("xtask/survivors.txt");
    let known = Survivors::read(&fs::read_to_string(&path).unwrap_or_default());
    if write {
        let seen = [caught.as_slice(), hung].concat();
        fs::write(&path, known.renewed(missed, &seen, is_all).to_string())
            .map_err(|error| format!("{}: {error}", path.display()))?;
        println!("written: {}", path.display());
        return Ok(ExitCode::SUCCESS);
    }
    let unknown = known.unexplained(missed);
    for mutant in &unknown {
        println!("survived without a listed reason: {mutant}");
    }
    let outdated = known.outdated(&[caught.as_slice(), hung].concat(), missed);
    for mutant in &outdated {
        println!("listed, but caught by now: {mutant}");
    }
    println!("{}.{} % noticed", 100 * noticed / tested, 1000 * noticed / tested % 10);
    let is_fine = noticed * 100 >= tested * LEAST && unknown.is_empty() && outdated.is_empty();
    Ok(if is_fine { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(words: &[&str]) -> Result<Option<Wanted>, String> {
        parse(Parser::from_args(words)).map_err(|error| error.to_string())
    }

    #[test]
    fn options() {
        assert_eq!(parsed(&[]), Ok(Some(Wanted { jobs: 1, ..Wanted::default() })));
        let files = vec!["pace.rs".to_owned(), "line/*.rs".to_owned()];
        let words = ["--file", "pace.rs", "--file=line/*.rs", "--jobs", "2", "--write"];
        assert_eq!(parsed(&words), Ok(Some(Wanted { files, jobs: 2, write: true })));
        assert_eq!(parsed(&["-h"]), Ok(None));
        assert!(parsed(&["pace.rs"]).is_err() && parsed(&["--jobs", "two"]).is_err());
    }

    #[test]
    fn what_the_second_pass_says_of_the_rest_counts() {
        let of = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let all = |caught: &[&str], missed: &[&str], hung: &[&str], unviable: &[&str]| Outcomes {
            caught: of(caught),
            missed: of(missed),
            hung: of(hung),
            unviable: of(unviable),
        };
        let first = all(&["a"], &["b", "c"], &["d"], &["e"]);
        assert_eq!(first.then(all(&["b"], &["c"], &["d"], &[])), all(&["a", "b"], &["c"], &["d"], &["e"]));
    }

    #[test]
    fn the_tests_and_files_that_are_named_are_there() {
        let core = root().join("ratelimit-core");
        for test in TESTS.into_iter().chain(["laws"]) {
            let (file, folder) = (format!("tests/{test}.rs"), format!("tests/{test}/main.rs"));
            assert!(core.join(file).is_file() || core.join(folder).is_file(), "{test}");
        }
        for file in FILES.iter().filter(|file| !file.contains('*')) {
            assert!(core.join("src").join(file).is_file(), "{file}");
        }
    }
}
