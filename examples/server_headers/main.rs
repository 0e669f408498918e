//! Calls two HTTP servers whose limits only their answers tell, as fast as these permit, from 48 tasks at once.
//!
//! `cargo run --release --example server_headers -- --help` tells what can be varied. Begin with `client.rs`: it is all that
//! a user of `rate-limited` would write.
//!
//! The last line says how the servers saw it: how many calls they rejected and served, how long that took, and in how
//! much time these very servers could have served as many at the least (`server/window.rs`, `Rule::least`).

#![expect(unreachable_pub, reason = "the modules read as they would in crates of their own")]
#![expect(clippy::disallowed_methods, reason = "servers and a chart live in real time")]

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
use std::time::Duration;

use args::Args;
use client::{Discord, Github};
use load::{Load, Tally};
use report::Report;
use server::Servers;

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
    let servers = Servers::start(args.seed)?;
    let http = reqwest::Client::builder().no_proxy().build()?;
    let discord = Discord::new(&http, &servers.discord.url);
    let github = Github::new(&http, &servers.github.url);
    let load = Load::start(&discord, &github, args.seed, args.drops, args.span);
    let (callers, calls) = load.size;
    println!("{callers} tasks make {calls} calls to {} and {} (Ctrl-C ends it)\n", discord.url, github.url);
    let tally = watch(&servers, load).await?;
    let (discord, github) = (servers.discord.ledger.log(), servers.github.ledger.log());
    let report = Report::of(&[&discord, &github]);
    println!("\n{}", report.table());
    let Tally { answered, rejected, dropped } = tally;
    println!(
        "Callers: {answered} calls answered, {rejected} rejected and made again, {dropped} dropped half way\n"
    );
    println!("{report}");
    Ok(())
}

/// Shows each second as it is over, until all calls are made or Ctrl-C comes.
async fn watch(servers: &Servers, mut load: Load) -> Result<Tally, Box<dyn Error>> {
    println!("{}", report::heading());
    let started = servers.clock.now();
    let mut tally = Tally::default();
    let mut seconds = 0;
    let mut show = |upto: Duration| {
        while started + Duration::from_secs(seconds) < upto {
            let from = started + Duration::from_secs(seconds);
            let [discord, github] =
                [&servers.discord, &servers.github].map(|server| server.ledger.second(from));
            println!("{}", report::row(seconds, discord, github));
            seconds += 1;
        }
    };
    let mut tick = tokio::time::interval(Duration::from_secs(1));
    tick.tick().await;
    let interrupted = tokio::signal::ctrl_c();
    tokio::pin!(interrupted);
    loop {
        tokio::select! {
            _ = tick.tick() => show(servers.clock.now().saturating_sub(Duration::from_millis(999))),
            signal = &mut interrupted => {
                signal?;
                break;
            }
            caller = load.callers.join_next() => match caller {
                Some(ended) => tally = tally.plus(ended??),
                None => break,
            },
        }
    }
    // What was on its way when its caller hung up is still counted.
    tokio::time::sleep(Duration::from_millis(150)).await;
    show(servers.clock.now());
    Ok(tally)
}
