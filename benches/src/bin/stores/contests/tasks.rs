//! Many tasks at once, on one bucket, beside as many that have the server run a script that does nothing. Both are given
//! one connection.

#![expect(clippy::disallowed_methods, reason = "it is real time that is measured")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use rate_limited::Bucket;
use redis::aio::MultiplexedConnection;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;

use super::ALWAYS;
use crate::measure::{Failure, Measured};
use crate::rows::CALLERS;
use crate::server::Server;

const TASKS: u32 = 64;
const PATIENCE: Duration = Duration::from_secs(1);
const WORKERS: usize = 2;
const SPAN: Duration = Duration::from_millis(300);
const ROUNDS: usize = 10;
const WARM_UP: usize = 2;

pub(super) fn run() -> Result<Vec<Measured>, Failure> {
    let server = Server::start()?;
    let runtime = Builder::new_multi_thread().worker_threads(WORKERS).enable_all().build()?;
    // Who is answered late asks again.
    let bucket = Bucket::named("tasks", ALWAYS).max_delay(PATIENCE).store(server.store()?);
    let client = server.client()?;
    let connection = runtime.block_on(client.get_multiplexed_async_connection())?;
    let hash: String = redis::cmd("SCRIPT").arg("LOAD").arg("return 1").query(&mut server.connection()?)?;
    let script = Script { connection, hash: hash.into() };
    let mut rounds = Vec::new();
    for round in 0..WARM_UP + ROUNDS {
        let ours = micros_a_call(&runtime, &bucket, acquire)?;
        let theirs = micros_a_call(&runtime, &script, Script::run)?;
        if round >= WARM_UP {
            rounds.push((ours, theirs));
        }
    }
    Ok(vec![Measured::beside(CALLERS, "us a call", &rounds)])
}

async fn acquire(bucket: Bucket) -> Result<(), Failure> {
    drop(bucket.acquire_async().await?);
    Ok(())
}

#[derive(Clone)]
struct Script {
    connection: MultiplexedConnection,
    hash: Arc<str>,
}

impl Script {
    async fn run(mut self) -> Result<(), Failure> {
        let one: u32 =
            redis::cmd("EVALSHA").arg(&*self.hash).arg(0).query_async(&mut self.connection).await?;
        if one == 1 { Ok(()) } else { Err("the script is another one".into()) }
    }
}

/// All tasks call for a while; the time over the calls of all.
fn micros_a_call<S, F>(runtime: &Runtime, shared: &S, call: fn(S) -> F) -> Result<f64, Failure>
where
    S: Clone + Send + Sync + 'static,
    F: Future<Output = Result<(), Failure>> + Send + 'static,
{
    runtime.block_on(async {
        let begun = Instant::now();
        let mut tasks = JoinSet::new();
        for _ in 0..TASKS {
            let shared = shared.clone();
            tasks.spawn(async move {
                let mut calls = 0.0;
                while begun.elapsed() < SPAN {
                    call(shared.clone()).await?;
                    calls += 1.0;
                }
                Ok::<f64, Failure>(calls)
            });
        }
        let mut calls = 0.0;
        while let Some(ended) = tasks.join_next().await {
            calls += ended??;
        }
        Ok(begun.elapsed().as_secs_f64() * 1e6 / calls)
    })
}
