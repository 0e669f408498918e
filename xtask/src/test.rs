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
    // A hundred thousand schedules of the script at a Redis server, against what the engine judges.
    Step {
        name: "script, optimised",
        arguments: &[
            "test",
            "--release",
            "-p",
            "ratelimit-core",
            "--features",
            "redis,test-util",
            "--lib",
            "store::redis::tests::script",
        ],
        environment: &[("RATE_LIMITED_NEEDS_SERVERS", "1")],
    },
    Step {
        name: "tests and doc tests, all features",
        arguments: &["test", "--workspace", "--all-features"],
        // Tests that need a server they can start are not to be left out.
        environment: &[("RATE_LIMITED_NEEDS_SERVERS", "1")],
    },
];

pub(crate) fn list() {
    for step in TEST {
        println!("{}: cargo {}", step.name, step.arguments.join(" "));
    }
}

pub(crate) fn run() -> ExitCode {
    if let Err(problem) = have_rust_src().and_then(|()| have_redis()) {
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

/// The tests of the Redis store start servers of their own, on free ports: all they need is the program.
fn have_redis() -> Result<(), String> {
    let is_there =
        || Command::new("redis-server").arg("--version").output().is_ok_and(|ran| ran.status.success());
    if is_there() {
        return Ok(());
    }
    println!("installing redis-server from the distribution, which the tests of the Redis store start");
    let install = |prefix: &[&str], arguments: &[&str]| {
        let words: Vec<&str> = prefix.iter().chain(&["apt-get"]).chain(arguments).copied().collect();
        let Some((program, arguments)) = words.split_first() else { return false };
        let mut command = Command::new(program);
        command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
        command.status().is_ok_and(|status| status.success())
    };
    for prefix in [&[][..], &["sudo", "-n"]] {
        // The list of packages may be missing or old: its failure shows when the package is not found.
        let _ = install(prefix, &["update", "--quiet"]);
        if install(prefix, &["install", "--yes", "--quiet", "--no-install-recommends", "redis-server"])
            && is_there()
        {
            return Ok(());
        }
    }
    Err("redis-server is missing and could not be installed, neither as this user nor by `sudo -n apt-get`; install it \
         (Debian: `apt-get install redis-server`, or build Redis 7 or Valkey) and see that it is in the PATH"
        .to_owned())
}
