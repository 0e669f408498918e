//! `cargo xtask mutants`: whether the tests notice when the engine is changed.

mod outcomes;
mod parts;
mod survivors;

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use lexopt::{Arg, Parser, ValueExt};

use crate::{mistake, nightly, root};
use outcomes::Outcomes;
use parts::{PARTS, Part, SLOW};
use survivors::Survivors;

const HELP: &str = "\
Changes the engine's policies, lines, rates and feedback in one place after the other, by cargo-mutants, and runs the engine's
tests on each: those that catch most of a file's first, and what these let live meets all that are under the manual
clock and have to do with it.

Usage: cargo xtask mutants [options]

Options:
  --file <PATH>  only this file or folder of ratelimit-core/src, such as `pace.rs` or `line`; may be given again
  --jobs <N>     how many parts of the engine are tried at once [default: 1]
  --again        only what survived the last time: after tests were written
  --write        writes the list of survivors anew, where those that are new want a reason
  -h, --help     this text

Needs cargo-mutants. Fails if less than 95 % are caught, if one survived that xtask/survivors.txt does not list with a
reason, or if one was caught that it lists. What cargo-mutants says of each is left in target/mutants.";

const SRC: &str = "ratelimit-core/src";

/// How many seconds of computing a program of tests may take, several times what it needs: what computes for ever is
/// stopped by that long before the time limit, and a machine that has other things to do stops nothing.
const SECONDS: u32 = 30;
const MANY_SECONDS: u32 = 90;

/// How many random schedules are played on each, enough to meet everything often.
const SCHEDULES: &str = "3000";
/// How many where most are caught by the first few.
const FEW_SCHEDULES: &str = "1500";

const LEAST: usize = 95;

#[derive(Debug, Default, PartialEq, Eq)]
struct Wanted {
    files: Vec<String>,
    jobs: u32,
    again: bool,
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
            Arg::Long("again") => wanted.again = true,
            Arg::Long("write") => wanted.write = true,
            Arg::Long("help") | Arg::Short('h') => return Ok(None),
            _ => return Err(word.unexpected()),
        }
    }
    Ok(Some(wanted))
}

fn run(wanted: &Wanted) -> Result<ExitCode, String> {
    nightly::needs_tool("mutants")?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    let folder = target.join("mutants");
    let next = AtomicUsize::new(0);
    let work = |worker: u32| -> Result<Outcomes, String> {
        let mut all = Outcomes::default();
        while let Some(part) = PARTS.get(next.fetch_add(1, Ordering::Relaxed)) {
            let builds = folder.join(format!("build-{worker}"));
            all = all.and(try_part(wanted, part, &folder.join(part.name), &builds)?);
        }
        Ok(all)
    };
    let work = &work;
    let all = thread::scope(|scope| {
        let workers: Vec<_> = (0..wanted.jobs).map(|worker| scope.spawn(move || work(worker))).collect();
        workers.into_iter().try_fold(Outcomes::default(), |all, worker| {
            let others = worker.join().map_err(|_| "a part was not tried to its end".to_owned())?;
            others.map(|others| all.and(others))
        })
    })?;
    print!("{}", all.table());
    judge(wanted.write, wanted.files.is_empty(), &all)
}

/// What the first pass catches costs one or two small programs, and is most; the second asks everybody about the rest.
fn try_part(wanted: &Wanted, part: &Part, folder: &Path, builds: &Path) -> Result<Outcomes, String> {
    let files = part.files(&root().join(SRC), &wanted.files)?;
    if files.is_empty() {
        return Ok(Outcomes::default());
    }
    fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let first =
        if wanted.again { Outcomes::read(folder)? } else { test(part, &files, folder, builds, false)? };
    let outcomes =
        if first.is_over() { first } else { first.then(test(part, &files, folder, builds, true)?) };
    outcomes.write(folder)?;
    Ok(outcomes)
}

/// Has cargo-mutants try the mutants: all with few tests, or what these did not catch with all.
fn test(part: &Part, files: &[String], folder: &Path, builds: &Path, rest: bool) -> Result<Outcomes, String> {
    let mut cargo = crate::cargo();
    cargo.args(["mutants", "--package", "ratelimit-core", "--no-shuffle", "--colors", "never"]);
    cargo.args(["--features", "test-util,tracing,http,reqwest", "--minimum-test-timeout", "60"]);
    cargo.arg("--output").arg(folder);
    for file in files {
        cargo.args(["--file", &format!("{SRC}/{file}")]);
    }
    if rest {
        cargo.arg("--iterate");
    }
    // To all that cargo does: what comes after `--` is for the tests' run alone, and all tests would be built.
    for test in part.first.iter().chain(if rest { part.rest } else { &[] }) {
        if *test == "lib" {
            cargo.args(["--cargo-arg", "--lib"]);
        } else {
            cargo.args(["--cargo-arg", "--test", "--cargo-arg", test]);
        }
    }
    cargo.args(["--", "--"]);
    for name in SLOW.iter().filter(|_| !rest).chain(part.beside) {
        cargo.args(["--skip", name]);
    }
    if let Some((runner, limit)) = limited(rest)? {
        cargo.env(runner, limit);
    }
    // What a worker built stays there for its next part: the crates that the tests stand on are most of it.
    cargo.env("CARGO_TARGET_DIR", builds).env_remove("LAWS_SEED").env("CARGO_PROFILE_DEV_DEBUG", "0");
    cargo.env("LAWS_SCHEDULES", if rest { SCHEDULES } else { FEW_SCHEDULES });
    // It fails where any survived, which is judged here; without a list of mutants it failed for another reason.
    let out = folder.join("mutants.out");
    let mutants = out.join("mutants.json");
    if !rest {
        let _ = fs::remove_dir_all(&out);
    }
    let _ = fs::remove_file(&mutants);
    nightly::run(&mut cargo)?;
    match fs::read_to_string(&mutants) {
        Ok(text) if text.trim() == "[]" => Ok(Outcomes::default()),
        Ok(_) if out.join("outcomes.json").is_file() => Outcomes::read(&out),
        _ => Err(format!("cargo-mutants did not get to the end; its word is in {}", out.display())),
    }
}

/// How cargo is told to run tests with a limit on what they compute, where the system has one.
fn limited(rest: bool) -> Result<Option<(String, String)>, String> {
    if cfg!(not(target_os = "linux")) {
        return Ok(None);
    }
    let host = nightly::host()?.to_uppercase().replace('-', "_");
    let seconds = if rest { MANY_SECONDS } else { SECONDS };
    Ok(Some((format!("CARGO_TARGET_{host}_RUNNER"), format!("prlimit --cpu={seconds}"))))
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
        let files = vec!["pace.rs".to_owned(), "line".to_owned()];
        let words = ["--file", "pace.rs", "--file=line", "--jobs", "2", "--again", "--write"];
        assert_eq!(parsed(&words), Ok(Some(Wanted { files, jobs: 2, again: true, write: true })));
        assert_eq!(parsed(&["-h"]), Ok(None));
        assert!(parsed(&["pace.rs"]).is_err() && parsed(&["--jobs", "two"]).is_err());
    }
}
