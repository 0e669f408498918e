//! `cargo xtask bench`: starts the package in `benches/`, optimised.

use std::ffi::OsString;
use std::process::ExitCode;

use crate::cargo;

/// Known here too, so that asking for it builds nothing.
const HELP: &str = include_str!("../../benches/help.txt");

pub(crate) fn main(words: &[OsString]) -> ExitCode {
    if words.iter().any(|word| word == "--help" || word == "-h") {
        print!("{HELP}");
        return ExitCode::SUCCESS;
    }
    let package = ["--quiet", "--release", "--package", "rate-limited-benches"];
    // Running builds only the binary that is run, and that one starts another.
    let built = match cargo().arg("build").args(package).args(["--bins"]).status() {
        Ok(status) if status.success() => cargo().arg("run").args(package).arg("--").args(words).status(),
        failed => failed,
    };
    match built {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(status) => ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)),
        Err(error) => {
            eprintln!("error: cargo could not be started: {error}");
            ExitCode::FAILURE
        }
    }
}
