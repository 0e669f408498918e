//! The project's commands.

mod bench;
mod compile_cost;
mod examples;
mod fuzz;
mod instructions;
mod miri;
mod mutants;
mod nightly;
mod shuttle;
mod test;

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

const USAGE: &str = "\
usage: cargo xtask <command>

commands:
  test           formatting, clippy, docs and all tests: everything that CI runs
  list           the steps of `test`, one a line
  bench          calls beside the same by hand and beside other limiters; `bench stores`: over Redis and SQLite
  examples       `kitsu` and `shared_redis`, and whether nothing was rejected and nearly all of the limits was used
  compile-cost   what the attribute costs the compiler and adds to a future
  instructions   how many a call takes, and whether that is more than it was
  fuzz           random bytes as headers, rates, records and schedules, for a while
  shuttle        threads on one bucket, under a scheduler that chooses who goes on
  miri           the engine's tests in an interpreter that finds undefined behaviour
  tsan           the test of real threads under ThreadSanitizer
  mutants        whether the tests notice when the engine is changed

`cargo xtask <command> --help` tells the options of all but `test`, `list` and `examples`, and what else has to be installed
";

fn main() -> ExitCode {
    let mut words = env::args_os().skip(1);
    let Some(command) = words.next() else {
        print!("{USAGE}");
        return ExitCode::SUCCESS;
    };
    let rest: Vec<_> = words.collect();
    match command.to_str() {
        Some("bench") => return bench::main(&rest),
        Some("compile-cost") => return compile_cost::main(rest),
        Some("instructions") => return instructions::main(rest),
        Some("fuzz") => return fuzz::main(rest),
        Some("shuttle") => return shuttle::main(rest),
        Some("miri") => return miri::miri(&rest),
        Some("tsan") => return miri::tsan(&rest),
        Some("mutants") => return mutants::main(rest),
        _ => {}
    }
    if let Some(word) = rest.first() {
        return mistake(&format!("unexpected `{}` after `{}`", word.display(), command.display()), USAGE);
    }
    match command.to_str() {
        Some("test") => test::run(),
        Some("list") => {
            test::list();
            ExitCode::SUCCESS
        }
        Some("examples") => examples::main(),
        Some("help" | "--help" | "-h") => {
            print!("{USAGE}");
            ExitCode::SUCCESS
        }
        _ => mistake(&format!("unknown command `{}`", command.display()), USAGE),
    }
}

/// What was typed makes no sense: says so, and what would.
fn mistake(what: &str, usage: &str) -> ExitCode {
    eprintln!("error: {what}\n\n{usage}");
    ExitCode::from(2)
}

/// Cargo, started in the project's root.
fn cargo() -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root());
    cargo
}

fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}
