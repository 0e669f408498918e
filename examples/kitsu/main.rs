//! Calls a real HTTP server from 40 tasks and 4 threads, at the full rate that it permits and without a single 429.
//!
//! `cargo run --release --example kitsu -- --help` tells what can be varied. Begin with `client.rs`: it is all that a user of
//! `rate-limited` would write.

#![expect(unreachable_pub, reason = "the modules read as they would in crates of their own")]
#![expect(clippy::disallowed_methods, reason = "a server and a progress bar live in real time")]

mod args;
mod client;
mod load;
#[path = "../shared/options.rs"]
mod options;
mod report;
#[path = "../shared/serve.rs"]
mod serve;
mod server;

use std::error::Error;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use args::Args;
use client::BlockingKitsu;
use indicatif::{ProgressBar, ProgressStyle};
use load::{Callers, TASKS, THREADS};
use rate_limited::Registry;
use server::Server;

#[tokio::main]
async fn main() -> ExitCode {
    let args = match args::parse(lexopt::Parser::from_env()) {
        Ok(Some(args)) => args,
        Ok(None) => {
            println!("{}", args::HELP);
            return ExitCode::SUCCESS;
        }
        Err(mistake) => {
            eprintln!("error: {mistake}\n\n{}", args::HELP);
            return ExitCode::from(2);
        }
    };
    match run(&args).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: &Args) -> Result<(), Box<dyn Error>> {
    let server = Server::start()?;
    let callers = Callers::connect(&server.url).await?;
    Registry::global().set_pace(args.pace);
    if !args.guard {
        take_guard_away(&server.url)?;
    }
    println!("{TASKS} tasks and {THREADS} threads call {} (Ctrl-C ends it)\n", server.url);

    let bar = progress_bar(args.run_for)?;
    let callers = callers.start(&bar);
    watch(&server, args.run_for, &bar).await?;
    // Nobody starts a call from here on, and whoever still waits for one, task or thread, is told so at once.
    Registry::global().close();
    let calls = callers.join_all().await.into_iter().flatten().collect::<Vec<_>>();
    bar.finish_and_clear();
    report::print(&server.kitsu.traffic(), &server.trending.traffic(), &calls);
    Ok(())
}

/// Registers both buckets anew; the annotated functions obey at once.
fn take_guard_away(url: &str) -> Result<(), Box<dyn Error>> {
    // `rate = ".."` declares a bucket when its function is first reached, and only what is declared can be replaced.
    BlockingKitsu::new(url).trending()?;
    let registry = Registry::global();
    for name in ["kitsu", "kitsu-trending"] {
        registry.register(registry.get(name)?.guard(Duration::ZERO))?;
    }
    Ok(())
}

/// Shows how it goes until the time is over or Ctrl-C comes.
async fn watch(server: &Server, run_for: Duration, bar: &ProgressBar) -> Result<(), Box<dyn Error>> {
    let started = Instant::now();
    let mut tick = tokio::time::interval(Duration::from_millis(100));
    let interrupted = tokio::signal::ctrl_c();
    tokio::pin!(interrupted);
    while started.elapsed() < run_for {
        tokio::select! {
            _ = tick.tick() => {}
            signal = &mut interrupted => return Ok(signal?),
        }
        let arrivals = [&server.kitsu, &server.trending].map(|gate| gate.traffic().arrivals).concat();
        let refused = arrivals.iter().filter(|call| !call.accepted).count();
        bar.set_prefix(format!("{} served, {refused} answered 429", arrivals.len() - refused));
        bar.set_position(u64::try_from(started.elapsed().as_millis())?);
    }
    Ok(())
}

/// Draws nothing where stderr is no terminal.
fn progress_bar(run_for: Duration) -> Result<ProgressBar, Box<dyn Error>> {
    let style = ProgressStyle::with_template("{bar:30.green} {elapsed} {prefix}  {wide_msg:.dim}")?;
    Ok(ProgressBar::new(u64::try_from(run_for.as_millis())?).with_style(style))
}
