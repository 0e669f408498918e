//! What a server says of its limits counts: scenarios in virtual time, with futures and with threads.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "helpers of tests")]

#[path = "../common/mod.rs"]
mod common;
mod guard;
mod hostile;
mod rules;
mod runs;
mod scenarios;
mod sites;
mod stress;
mod world;
