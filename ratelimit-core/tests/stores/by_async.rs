//! An async client of somebody else's: `redis`'s multiplexed connection, on a runtime with a thread of its own, as callers
//! may be threads of any other.

#![expect(clippy::disallowed_methods, reason = "it waits for a server in real time")]

use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use ratelimit_core::store::Failure;
use ratelimit_core::store::redis::{Command, Reply, Transport};
use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::{AsyncConnectionConfig, RedisResult, Value};
use tokio::runtime::{Builder, Runtime};
use tokio::time;

use crate::redis_server::RedisServer;

#[derive(Debug)]
pub(crate) struct AsyncClient {
    runtime: Runtime,
    client: redis::Client,
    /// The one that all callers share, until it fails.
    connection: Arc<Mutex<Option<MultiplexedConnection>>>,
}

impl AsyncClient {
    pub(crate) fn of(server: &RedisServer) -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let client = redis::Client::open(server.url()).expect("a URL");
        AsyncClient { runtime, client, connection: Arc::default() }
    }
}

fn pipeline(commands: &[Command]) -> redis::Pipeline {
    let mut pipeline = redis::Pipeline::with_capacity(commands.len());
    for command in commands {
        let mut words = redis::Cmd::new();
        command.args().for_each(|arg| _ = words.arg(arg));
        pipeline.add_command(words);
    }
    pipeline
}

async fn exchange(
    client: redis::Client,
    shared: Arc<Mutex<Option<MultiplexedConnection>>>,
    commands: redis::Pipeline,
) -> RedisResult<Vec<Value>> {
    let known = shared.lock().expect("nobody panics with it").clone();
    let mut connection = if let Some(connection) = known {
        connection
    } else {
        // The time that there is is kept by who waits.
        let config = AsyncConnectionConfig::new().set_response_timeout(None);
        client.get_multiplexed_async_connection_with_config(&config).await?
    };
    let values = connection.req_packed_commands(&commands, 0, commands.len()).await;
    *shared.lock().expect("nobody panics with it") = values.is_ok().then_some(connection);
    values
}

fn reply(value: Value) -> Reply {
    match value {
        Value::Nil => Reply::Nil,
        Value::Int(number) => Reply::Integer(number),
        Value::Okay => Reply::Simple("OK".to_owned()),
        Value::SimpleString(word) => Reply::Simple(word),
        Value::BulkString(bytes) => Reply::Bytes(bytes),
        Value::Array(values) => Reply::List(values.into_iter().map(reply).collect()),
        Value::ServerError(error) => {
            Reply::Error(format!("{} {}", error.code(), error.details().unwrap_or_default()))
        }
        other => Reply::Simple(format!("{other:?}")),
    }
}

impl Transport for AsyncClient {
    fn send(&self, commands: &[Command], timeout: Duration) -> Vec<Result<Reply, Failure>> {
        let (sender, receiver) = mpsc::channel();
        let exchange = exchange(self.client.clone(), Arc::clone(&self.connection), pipeline(commands));
        self.runtime.spawn(async move {
            let done = time::timeout(timeout, exchange).await;
            // Nobody waits for what came too late.
            let _ = sender.send(done);
        });
        match receiver.recv() {
            Ok(Ok(Ok(values))) => values.into_iter().map(|value| Ok(reply(value))).collect(),
            // Whether they were played nobody knows.
            Ok(Ok(Err(error))) => vec![Err(Failure::new(error)); commands.len()],
            Ok(Err(error)) => vec![Err(Failure::new(error)); commands.len()],
            Err(error) => vec![Err(Failure::new(error)); commands.len()],
        }
    }
}
