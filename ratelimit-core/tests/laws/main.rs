//! The laws of the contract, each shown against a model that scans recorded starts, under a clock that is moved by
//! hand. `LAWS_SCHEDULES` sets how many random schedules are run, `LAWS_SEED` runs one of them and tells what happens.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::unchecked_time_subtraction,
    reason = "helpers of tests: a panic fails the test, which is what they are for"
)]

#[path = "../common/mod.rs"]
mod common;

mod allowance;
mod calls;
mod changes;
mod checks;
mod drops;
mod edges;
mod extremes;
mod fifo;
mod met;
mod mix;
mod model;
mod oracle;
mod own;
mod panics;
mod plan;
mod play;
mod probe;
mod random;
mod run;
mod schedule;
mod shape;
mod tempo;
mod world;
