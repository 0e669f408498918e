//! What the server's memory grows by for each key, all told: name, state, expiry and their places in its tables.

use std::time::Duration;

use rate_limited::{Bucket, Rate};
use redis::Connection;

use crate::measure::{Failure, Measured};
use crate::rows::{MEMORY_SLIDING, MEMORY_TOKENS};
use crate::server::Server;

/// Nothing is forgotten meanwhile.
const HOUR: Duration = Duration::from_secs(3600);
/// How long the names are by which the server knows the keys, in bytes, and by how much they may be off.
const NAME: usize = 22;
const OFF: usize = 2;

pub(super) fn run() -> Result<Vec<Measured>, Failure> {
    let tokens = per_key(Rate::new(1_000, HOUR).burst(1_000), 10_000, 1)?;
    let sliding = per_key(Rate::new(1_000, HOUR), 200, 1_000)?;
    Ok(vec![
        Measured::alone(MEMORY_TOKENS, "bytes", tokens),
        Measured::alone(MEMORY_SLIDING, "bytes", sliding),
    ])
}

/// Of so many keys, each with so many starts.
fn per_key(rate: Rate, keys: u32, starts: u32) -> Result<f64, Failure> {
    let server = Server::start()?;
    let mut connection = server.connection()?;
    let bucket = Bucket::named("b", rate).guard(Duration::ZERO).store(server.store()?.namespace("n"));
    let start = |key: u32| bucket.request().key(format!("{key:08}")).try_acquire().map(drop);
    // A script, a connection and their buffers are no key's.
    start(keys)?;
    let before = used(&mut connection)?;
    for key in 0..keys {
        (0..starts).try_for_each(|_| start(key))?;
    }
    let after = settled(&mut connection)?;
    let count: u32 = redis::cmd("DBSIZE").query(&mut connection)?;
    if count != keys + 1 {
        return Err(format!("there are {count} keys on the server instead of {}", keys + 1).into());
    }
    let name: String = redis::cmd("RANDOMKEY").query(&mut connection)?;
    if name.len().abs_diff(NAME) > OFF {
        return Err(format!("`{name}` is not about {NAME} bytes long").into());
    }
    Ok((after - before) / f64::from(keys))
}

/// What is used once the server has done what it does meanwhile: for a while a table that grows is there twice.
#[expect(clippy::disallowed_methods, reason = "it is the server's time that has to pass")]
fn settled(connection: &mut Connection) -> Result<f64, Failure> {
    let (mut last, mut same) = (used(connection)?, 0);
    for _ in 0..40 {
        std::thread::sleep(Duration::from_millis(50));
        let now = used(connection)?;
        same = if now >= last { same + 1 } else { 0 };
        last = now;
        if same == 6 {
            return Ok(last);
        }
    }
    Err("the server's memory does not settle".into())
}

fn used(connection: &mut Connection) -> Result<f64, Failure> {
    let info: String = redis::cmd("INFO").arg("memory").query(connection)?;
    let line = info.lines().find_map(|line| line.strip_prefix("used_memory:"));
    Ok(line.ok_or("the server does not tell its memory")?.trim().parse()?)
}
