//! What is measured together.

mod connection;
mod instructions;
mod memory;
mod one_process;
mod processes;
mod pyrate;
mod redis_calls;
mod tasks;

use std::time::Duration;

use rate_limited::Rate;

pub(crate) use self::processes::print_one_of_many;
use crate::rows::Contest;

pub(crate) const CONNECTION: Contest = Contest { name: "one connection to Redis", run: connection::run };
pub(crate) const PYRATE: Contest = Contest { name: "beside PyrateLimiter", run: pyrate::run };
pub(crate) const MEMORY: Contest = Contest { name: "memory of Redis", run: memory::run };
pub(crate) const TASKS: Contest = Contest { name: "64 async callers", run: tasks::run };
pub(crate) const ONE_PROCESS: Contest = Contest { name: "one process on SQLite", run: one_process::run };
pub(crate) const PROCESSES: Contest = Contest { name: "8 processes on SQLite", run: processes::run };
pub(crate) const INSTRUCTIONS: Contest = Contest { name: "instructions in memory", run: instructions::run };

/// More than anybody can call over a store, so that each call is granted.
const ALWAYS: Rate = Rate::new(1_000_000, Duration::from_secs(1)).burst(1_000_000);
