//! `cargo xtask miri` and `cargo xtask tsan`: the engine's tests under interpreters of its memory.

use std::ffi::OsString;
use std::process::ExitCode;

use crate::{mistake, nightly};

const MIRI: &str = "\
Runs the engine's unit tests, the laws with few schedules, and what waits, is cancelled and is woken in miri, an
interpreter that finds undefined behaviour, data races and leaks, also in what the engine depends on.

Usage: cargo xtask miri [-- <arguments of the test binaries>]

Needs a nightly compiler with the components miri and rust-src. `MIRIFLAGS` adds flags, `LAWS_SCHEDULES` is not seen.";

const TSAN: &str = "\
Runs the test of real threads and tasks on one bucket under ThreadSanitizer, standard library included, which finds data
races.

Usage: cargo xtask tsan [-- <arguments of the test binary>]

Needs a nightly compiler with the component rust-src, and Linux or macOS.";

/// Which tests miri runs: the engine's own, then those under the manual clock that wait, hold wakers or use threads.
const INTERPRETED: [&[&str]; 3] = [
    &["--lib"],
    &["--test", "cancellation", "--test", "wakers", "--test", "runs", "--test", "max_waiting"],
    &["--test", "allowance_ends", "--test", "permits", "--test", "laws"],
];

/// Parts of the names of tests that it does not, with what they would take.
const SKIPPED: [&str; 7] = [
    // Real time, which an interpreter has none of.
    "in_real_time",
    // A million starts.
    "million",
    // The conformance kit on each built-in policy: hundreds of schedules, played on twins.
    "builtins::",
    // Forty waiters in each of twenty stalls, polled over and over.
    "a_stall_of",
    // Every subset of those who wait, dropped at every poll.
    "drops::",
    // Wakers that poll inline, ten seconds of them; `wakers_that_*` hold the same kinds.
    "inline_wakers",
    // Thirty waiters for a thousand steps; the same.
    "any_mixture",
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
