//! `cargo xtask miri` and `cargo xtask tsan`: the engine's tests under interpreters of its memory.

use std::ffi::OsString;
use std::process::ExitCode;

use crate::{mistake, nightly};

const MIRI: &str = "\
Runs the engine's unit tests, the laws with few schedules, cancellation and wakers in miri, an interpreter that finds
undefined behaviour, data races and leaks, also in what the engine depends on.

Usage: cargo xtask miri [-- <arguments of the test binaries>]

Needs a nightly compiler with the components miri and rust-src. `MIRIFLAGS` adds flags, `LAWS_SCHEDULES` is not seen.";

const TSAN: &str = "\
Runs the test of real threads and tasks on one bucket under ThreadSanitizer, standard library included, which finds data
races.

Usage: cargo xtask tsan [-- <arguments of the test binary>]

Needs a nightly compiler with the component rust-src, and Linux or macOS.";

/// Which tests miri runs.
const INTERPRETED: [&[&str]; 2] =
    [&["--lib"], &["--test", "laws", "--test", "cancellation", "--test", "wakers"]];

/// Parts of the names of tests that take many waiters, or real time: hours in an interpreter.
const SKIPPED: [&str; 11] = [
    "thousand",
    "in_real_time",
    "a_chain_of",
    "any_mixture",
    "inline_wakers",
    "drops::",
    "a_stall_of",
    "keys_do_not_delay",
    "a_dropped_future_whose_turn",
    "builtins::",
    "million",
];

pub(crate) fn miri(words: &[OsString]) -> ExitCode {
    match rest(words, MIRI) {
        Ok(rest) => nightly::end(interpret(rest)),
        Err(code) => code,
    }
}

pub(crate) fn tsan(words: &[OsString]) -> ExitCode {
    match rest(words, TSAN) {
        Ok(rest) => nightly::end(sanitize(rest)),
        Err(code) => code,
    }
}

/// What is for the test binaries; `Err` with how it ended if that was all.
fn rest<'a>(words: &'a [OsString], help: &str) -> Result<&'a [OsString], ExitCode> {
    match words.split_first() {
        None => Ok(&[]),
        Some((word, rest)) if word == "--" => Ok(rest),
        Some((word, _)) if word == "--help" || word == "-h" => {
            println!("{help}");
            Err(ExitCode::SUCCESS)
        }
        Some((word, _)) => Err(mistake(&format!("unexpected `{}`", word.display()), help)),
    }
}

fn interpret(rest: &[OsString]) -> Result<ExitCode, String> {
    nightly::needs(&["miri", "rust-src"])?;
    let given = std::env::var("MIRIFLAGS").unwrap_or_default();
    for tests in INTERPRETED {
        let mut cargo = nightly::cargo();
        cargo.args(["miri", "test", "--package", "ratelimit-core"]).args(tests).arg("--");
        for name in SKIPPED {
            cargo.args(["--skip", name]);
        }
        cargo.args(rest);
        cargo.env("MIRIFLAGS", format!("-Zmiri-strict-provenance {given}"));
        let ended = nightly::run(&mut cargo)?;
        if ended != ExitCode::SUCCESS {
            return Ok(ended);
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn sanitize(rest: &[OsString]) -> Result<ExitCode, String> {
    nightly::needs(&["rust-src"])?;
    let host = nightly::host()?;
    let mut cargo = nightly::cargo();
    cargo.args([
        "test",
        "-Zbuild-std",
        "--target",
        &host,
        "--package",
        "ratelimit-core",
        "--test",
        "threads",
    ]);
    // Optimised: what it slows down is then near to what is shipped.
    cargo.args(["--release", "--", "--nocapture"]).args(rest);
    cargo.env("RUSTFLAGS", "-Zsanitizer=thread");
    nightly::run(&mut cargo)
}
