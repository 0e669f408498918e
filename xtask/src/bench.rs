//! `cargo xtask bench` and `cargo xtask bench stores`: start the programs of the package in `benches/`, optimised.

use std::ffi::OsString;
use std::process::ExitCode;

use crate::cargo;

/// Known here too, so that asking for it builds nothing.
const HELP: &str = include_str!("../../benches/help.txt");
const HELP_OF_STORES: &str = include_str!("../../benches/src/bin/stores/help.txt");
const STORES: &str = "stores";

pub(crate) fn main(words: &[OsString]) -> ExitCode {
    let (is_of_stores, words) = match words {
        [first, rest @ ..] if first == STORES => (true, rest),
        words => (false, words),
    };
    if words.iter().any(|word| word == "--help" || word == "-h") {
        print!("{}", if is_of_stores { HELP_OF_STORES } else { HELP });
        return ExitCode::SUCCESS;
    }
    let package = ["--quiet", "--release", "--package", "rate-limited-benches"];
    let run = |binary: &[&str]| cargo().arg("run").args(package).args(binary).arg("--").args(words).status();
    let ran = if is_of_stores {
        run(&["--bin", STORES])
    } else {
        // Running builds only the binary that is run, and that one starts another.
        match cargo().arg("build").args(package).args(["--bins"]).status() {
            Ok(status) if status.success() => run(&[]),
            failed => failed,
        }
    };
    match ran {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(status) => ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)),
        Err(error) => {
            eprintln!("error: cargo could not be started: {error}");
            ExitCode::FAILURE
        }
    }
}
