//! `cargo xtask test`: everything that CI runs, in the order in which it fails soonest.

use std::path::Path;
use std::process::{Command, ExitCode};

use crate::{cargo, root};

/// One thing that must succeed.
struct Step {
    name: &'static str,
    arguments: &'static [&'static str],
    environment: &'static [(&'static str, &'static str)],
}

const fn step(name: &'static str, arguments: &'static [&'static str]) -> Step {
    Step { name, arguments, environment: &[] }
}

/// Tests come last, so that the last lines are those of the test runner.
const TEST: &[Step] = &[
    step("format", &["fmt", "--all", "--check"]),
    step(
        "clippy, all features",
        &["clippy", "--workspace", "--all-targets", "--all-features", "--", "-D", "warnings"],
    ),
    step(
        "clippy, no features",
        &[
            "clippy",
            "-p",
            "rate-limited",
            "-p",
            "ratelimit-core",
            "--lib",
            "--no-default-features",
            "--",
            "-D",
            "warnings",
        ],
    ),
    Step {
        name: "docs",
        arguments: &["doc", "--workspace", "--all-features", "--no-deps", "--document-private-items"],
        environment: &[("RUSTDOCFLAGS", "-D warnings")],
    },
    step(
        "tests, no features",
        &["test", "-p", "rate-limited", "-p", "ratelimit-core", "--lib", "--no-default-features"],
    ),
    // A million schedules, on the engine as it is shipped; the step after runs fewer, with its own assertions.
    step("laws, optimised", &["test", "--release", "-p", "ratelimit-core", "--test", "laws"]),
    step("tests and doc tests, all features", &["test", "--workspace", "--all-features"]),
];

pub(crate) fn list() {
    for step in TEST {
        println!("{}: cargo {}", step.name, step.arguments.join(" "));
    }
}

pub(crate) fn run() -> ExitCode {
    if let Err(problem) = have_rust_src() {
        eprintln!("{problem}");
        return ExitCode::FAILURE;
    }
    for (index, step) in TEST.iter().enumerate() {
        println!("[{}/{}] {}", index + 1, TEST.len(), step.name);
        let status = cargo().args(step.arguments).envs(step.environment.iter().copied()).status();
        match status {
            Ok(status) if status.success() => {}
            Ok(_) => {
                eprintln!("failed: {} (cargo {})", step.name, step.arguments.join(" "));
                return ExitCode::FAILURE;
            }
            Err(error) => {
                eprintln!("cargo could not be started: {error}");
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}

/// The messages that the ui tests compare quote the standard library's source, so it has to be there.
fn have_rust_src() -> Result<(), String> {
    let sysroot = Command::new("rustc").args(["--print", "sysroot"]).current_dir(root()).output();
    let sysroot = sysroot.map_err(|error| format!("rustc could not be started: {error}"))?;
    let sysroot = String::from_utf8_lossy(&sysroot.stdout).trim().to_owned();
    if Path::new(&sysroot).join("lib/rustlib/src/rust/library").is_dir() {
        return Ok(());
    }
    println!("installing rust-src, which the ui tests' messages quote");
    match Command::new("rustup").args(["component", "add", "rust-src"]).current_dir(root()).status() {
        Ok(status) if status.success() => Ok(()),
        _ => Err("rust-src is missing; run `rustup component add rust-src`".to_owned()),
    }
}
