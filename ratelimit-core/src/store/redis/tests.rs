//! The store on servers of its own.

#![allow(clippy::disallowed_methods, reason = "servers keep real time")]

#[path = "../../../tests/common/machine.rs"]
mod machine;
#[path = "../../../tests/common/redis_server.rs"]
mod redis_server;
#[path = "../../../tests/common/skipped.rs"]
mod skipped;
#[path = "../../../tests/common/temporary.rs"]
mod temporary;

mod cluster;
mod ends;
mod faults;
mod golden;
mod pair;
mod script;
mod servers;
#[cfg(feature = "redis-tls")]
mod tls;
mod troubles;

use std::sync::Arc;

use super::*;
use crate::policy::Guarded;
use crate::store::Entry;
use crate::store::ask::{Acquire, Known, Part, Plan, Said, Verb, escaped};
use redis_server::RedisServer;

fn plan(rates: &[Guarded]) -> Arc<Plan> {
    Arc::new(Plan::new(0, rates, None))
}

fn part(bucket: &str, key: Option<&str>, plan: &Arc<Plan>) -> Part {
    Part { entry: Entry::of_key(&escaped(bucket), key), plan: Arc::clone(plan), known: Known::default() }
}
