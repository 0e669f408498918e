//! `cargo xtask instructions`: how many a call takes, and whether that is more than it was.

#![expect(clippy::float_arithmetic, reason = "instructions of one call, out of those of many")]

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use lexopt::{Arg, Parser};

use crate::{cargo, mistake, nightly, root};

const HELP: &str = "\
Counts the instructions of granted calls, and of one that is refused, under valgrind, in a program that all features are
compiled into, and compares them with those in `benches/instructions.txt`: more than 3 % above is a failure. Counts do
not depend on how busy the machine is; they do on the compiler, which is pinned, and a little on the C library.

Usage: cargo xtask instructions [options]

Options:
  --write     writes what is counted into that file, to be compared with later
  -h, --help  this text

Needs valgrind.";

/// Above what was written, in percent.
const MOST: f64 = 3.0;
/// Two runs of so many calls: what they differ by is not what the program takes to begin and to end.
const CALLS: [u32; 2] = [2_000, 12_000];
const KNOWN: &str = "benches/instructions.txt";
const HEAD: &str = "# Instructions a call, as `cargo xtask instructions` counts them; written before answers were learned from.\n";

pub(crate) fn main(words: Vec<OsString>) -> ExitCode {
    match parse(Parser::from_args(words)) {
        Ok(Some(write)) => nightly::end(run(write)),
        Ok(None) => {
            println!("{HELP}");
            ExitCode::SUCCESS
        }
        Err(error) => mistake(&error.to_string(), HELP),
    }
}

/// Whether to write; `Ok(None)`: help was asked for.
fn parse(mut words: Parser) -> Result<Option<bool>, lexopt::Error> {
    let mut write = false;
    while let Some(word) = words.next()? {
        match word {
            Arg::Long("write") => write = true,
            Arg::Long("help") | Arg::Short('h') => return Ok(None),
            _ => return Err(word.unexpected()),
        }
    }
    Ok(Some(write))
}

fn run(write: bool) -> Result<ExitCode, String> {
    let program = build()?;
    let known = known(&fs::read_to_string(root().join(KNOWN)).unwrap_or_default())?;
    let mut counted = Vec::new();
    let mut is_more = false;
    println!("{:<24} {:>8} {:>8} {:>8}", "call", "before", "now", "change");
    for kind in output(&mut Command::new(&program))?.lines() {
        let now = count(&program, kind)?;
        match known.get(kind) {
            Some(before) => {
                let change = (now / before - 1.0) * 100.0;
                let verdict = if change > MOST { " MORE" } else { "" };
                is_more |= change > MOST;
                println!("{kind:<24} {before:>8.1} {now:>8.1} {change:>+6.1} %{verdict}");
            }
            None => println!("{kind:<24} {:>8} {now:>8.1}", "-"),
        }
        counted.push((kind.to_owned(), now));
    }
    if write {
        let lines: Vec<String> = counted.iter().map(|(kind, now)| format!("{kind}: {now:.1}\n")).collect();
        fs::write(root().join(KNOWN), format!("{HEAD}{}", lines.concat()))
            .map_err(|error| error.to_string())?;
        return Ok(ExitCode::SUCCESS);
    }
    Ok(if is_more { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// As `name: number` a line.
fn known(text: &str) -> Result<BTreeMap<String, f64>, String> {
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    lines
        .map(|line| {
            let pair = line.split_once(": ").and_then(|(kind, count)| Some((kind, count.parse().ok()?)));
            let (kind, count) = pair.ok_or_else(|| format!("{KNOWN}: cannot read `{line}`"))?;
            Ok((kind.to_owned(), count))
        })
        .collect()
}

/// Valgrind gives a program no page by which the kernel tells the time: so that is asked of the C library.
fn build() -> Result<PathBuf, String> {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    // With other flags all is built anew.
    let target = target.join("instructions");
    let mut cargo = cargo();
    cargo.args([
        "build",
        "--quiet",
        "--release",
        "--package",
        "rate-limited-benches",
        // What a program does not use must cost it nothing.
        "--all-features",
        "--bin",
        "instructions",
    ]);
    cargo.env("CARGO_TARGET_DIR", &target).env("RUSTFLAGS", "--cfg rustix_use_libc");
    match cargo.status() {
        Ok(status) if status.success() => Ok(target.join("release/instructions")),
        Ok(status) => Err(format!("cargo build: {status}")),
        Err(error) => Err(format!("cargo: {error}")),
    }
}

/// The instructions of one call of that kind.
fn count(program: &Path, kind: &str) -> Result<f64, String> {
    let mut totals = [0.0; 2];
    for (calls, total) in CALLS.iter().zip(&mut totals) {
        let mut valgrind = Command::new("valgrind");
        valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]).arg(program);
        valgrind.args([kind, &calls.to_string()]);
        let told = output(&mut valgrind)?;
        let collected = told.lines().find_map(|line| line.split("Collected : ").nth(1));
        let number = collected.and_then(|number| number.trim().parse().ok());
        *total = number.ok_or_else(|| format!("valgrind told no count of `{kind}`:\n{told}"))?;
    }
    let [few, many] = totals;
    Ok((many - few) / f64::from(CALLS[1] - CALLS[0]))
}

/// All that a program says.
fn output(program: &mut Command) -> Result<String, String> {
    let name = program.get_program().display().to_string();
    let output = program.output().map_err(|error| format!("{name}: {error}; is it installed?"))?;
    let told = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    if output.status.success() { Ok(told) } else { Err(format!("{name}: {}\n{told}", output.status)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes() {
        let read = known(&format!("{HEAD}static: 124.0\nannotated, a future: 253.5\n")).expect("it is right");
        assert_eq!(read.get("annotated, a future"), Some(&253.5));
        assert_eq!(read.len(), 2);
        assert!(known("static 124").expect_err("no number").contains("static 124"));
    }

    #[test]
    fn options() {
        let parsed = |words: &[&str]| parse(Parser::from_args(words)).map_err(|error| error.to_string());
        assert_eq!((parsed(&[]), parsed(&["--write"])), (Ok(Some(false)), Ok(Some(true))));
        assert_eq!(parsed(&["-h"]), Ok(None));
        assert!(parsed(&["--rite"]).expect_err("unknown").contains("--rite"));
    }

    /// What was counted once is what can be counted.
    #[test]
    fn every_kind_has_a_count() {
        let text = fs::read_to_string(root().join(KNOWN)).expect("it is there");
        let program =
            fs::read_to_string(root().join("benches/src/bin/instructions.rs")).expect("it is there");
        let known = known(&text).expect("it can be read");
        assert!(known.len() >= 10);
        for kind in known.keys() {
            assert!(program.contains(&format!("\"{kind}\" =>")), "{kind}");
        }
    }
}
