//! The project's commands.
//!
//! `cargo xtask test` runs everything that CI runs, in the order in which it fails soonest.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

const USAGE: &str = "\
usage: cargo xtask <command>

commands:
  test    formatting, clippy, docs and all tests: everything that CI runs
  list    the steps of `test`, one a line
";

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
    step("tests and doc tests, all features", &["test", "--workspace", "--all-features"]),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["test"] => run(TEST),
        ["list"] => {
            for step in TEST {
                println!("{}: cargo {}", step.name, step.arguments.join(" "));
            }
            ExitCode::SUCCESS
        }
        [] | ["help" | "--help" | "-h"] => {
            print!("{USAGE}");
            ExitCode::SUCCESS
        }
        _ => {
            eprintln!("unknown command `{}`\n\n{USAGE}", arguments.join(" "));
            ExitCode::FAILURE
        }
    }
}

fn run(steps: &[Step]) -> ExitCode {
    if let Err(problem) = have_rust_src() {
        eprintln!("{problem}");
        return ExitCode::FAILURE;
    }
    for (index, step) in steps.iter().enumerate() {
        println!("[{}/{}] {}", index + 1, steps.len(), step.name);
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

fn cargo() -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root());
    cargo
}

fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
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
