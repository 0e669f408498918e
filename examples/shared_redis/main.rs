//! Several processes call one HTTP server under one limit, which they share in Redis or in an SQLite file; one of them is
//! killed, and so is Redis.
//!
//! `cargo run --release --example shared_redis -- --help` tells what can be varied. Begin with `client.rs`: it is all that a
//! user of `rate-limited` would write.
//!
//! The last line says how the server saw it: how many calls it answered 429, how many it served, and what part that is of
//! the most that its limit allows while the store was there (`server/window.rs`, `Window::most`).

#![expect(unreachable_pub, reason = "the modules read as they would in crates of their own")]
#![expect(clippy::disallowed_methods, reason = "servers and processes live in real time")]

mod args;
mod client;
mod crew;
#[path = "../shared/options.rs"]
mod options;
mod place;
mod play;
mod report;
#[path = "../shared/serve.rs"]
mod serve;
mod server;
mod worker;

use std::error::Error;
use std::process::ExitCode;

use args::Args;
use worker::Job;

fn main() -> ExitCode {
    // This program started this program.
    if let Some(job) = Job::from_env() {
        return ended(job.map_err(Into::into).and_then(|job| job.run()));
    }
    match args::parse(lexopt::Parser::from_env()) {
        Ok(Some(args)) => ended(run(&args)),
        Ok(None) => {
            println!("{}", args::HELP);
            ExitCode::SUCCESS
        }
        Err(mistake) => {
            eprintln!("error: {mistake}\n\n{}", args::HELP);
            ExitCode::from(2)
        }
    }
}

fn ended(result: Result<(), Box<dyn Error>>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

#[tokio::main]
async fn run(args: &Args) -> Result<(), Box<dyn Error>> {
    report::print(&play::play(args).await?);
    Ok(())
}
