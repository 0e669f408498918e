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

macro_rules! clippy_of_engine {
    ($name:literal, $feature:literal) => {
        step(
            $name,
            &[
                "clippy",
                "-p",
                "ratelimit-core",
                "--lib",
                "--no-default-features",
                "--features",
                $feature,
                "--",
                "-D",
                "warnings",
            ],
        )
    };
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
    // Each store alone: tests bring along what the others need.
    clippy_of_engine!("clippy, SQLite alone", "sqlite"),
    clippy_of_engine!("clippy, Redis alone", "redis"),
    clippy_of_engine!("clippy, Redis with TLS alone", "redis-tls"),
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
    if let Err(problem) = have_rust_src().and_then(|()| have_redis()).and_then(|()| have_openssl()) {
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
    const LEAST: u32 = 7;
    let said =
        have("redis-server", &["--version"], "which the tests of the Redis store start").map_err(|why| {
            format!("{why} (Debian: `apt-get install redis-server`, or build Redis 7 or Valkey)")
        })?;
    match major(&said) {
        Some(major) if major >= LEAST => Ok(()),
        _ => Err(format!(
            "the redis-server in the PATH is too old, or not known: it says `{}`, and the Redis store needs version {LEAST} or \
             newer; build Redis {LEAST} or Valkey and put it first in the PATH",
            said.trim()
        )),
    }
}

/// Of what a server says of its version: `Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64`.
fn major(said: &str) -> Option<u32> {
    let version = said.split_whitespace().find_map(|word| word.strip_prefix("v="))?;
    version.split('.').next()?.parse().ok()
}

fn have_openssl() -> Result<(), String> {
    have("openssl", &["version"], "which makes the certificates of the tests by TLS").map(drop)
}

/// What `program` says of its version; if it is missing, it is installed from the distribution, where its package is named
/// as it is.
fn have(program: &str, version: &[&str], what_for: &str) -> Result<String, String> {
    let said = || {
        let ran = Command::new(program).args(version).output().ok().filter(|ran| ran.status.success())?;
        Some(String::from_utf8_lossy(&ran.stdout).into_owned())
    };
    if let Some(said) = said() {
        return Ok(said);
    }
    println!("installing {program} from the distribution, {what_for}");
    let install = |prefix: &[&str], arguments: &[&str]| {
        // A machine that has just started may be at it by itself, and is waited for.
        let apt = ["apt-get", "-o", "DPkg::Lock::Timeout=300"];
        let words: Vec<&str> = prefix.iter().chain(&apt).chain(arguments).copied().collect();
        let Some((first, arguments)) = words.split_first() else { return false };
        let mut command = Command::new(first);
        command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
        command.status().is_ok_and(|status| status.success())
    };
    for prefix in [&[][..], &["sudo", "-n"]] {
        // The list of packages may be missing or old: its failure shows when the package is not found.
        let _ = install(prefix, &["update", "--quiet"]);
        if install(prefix, &["install", "--yes", "--quiet", "--no-install-recommends", program])
            && let Some(said) = said()
        {
            return Ok(said);
        }
    }
    Err(format!(
        "{program} is missing, {what_for}, and could not be installed, neither as this user nor by `sudo -n apt-get`; \
         install it and see that it is in the PATH"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_servers() {
        for (said, version) in [
            (
                "Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64 build=e08dbad3e06f3fb\n",
                Some(7),
            ),
            ("Redis server v=6.0.16 sha=00000000:0 malloc=jemalloc-5.2.1 bits=64\n", Some(6)),
            ("Valkey server v=8.1.1 sha=00000000:0 malloc=libc bits=64 build=1\n", Some(8)),
            ("Redis server v=10.2 sha=0\n", Some(10)),
            ("Redis server version 2.4.10 (00000000:0)\n", None),
            ("", None),
        ] {
            assert_eq!(major(said), version, "{said}");
        }
    }
}
