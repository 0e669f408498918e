//! Buckets over a store: what processes that share one do, each played by a registry of its own.

#[path = "../common/mod.rs"]
mod common;

mod amid;
mod basics;
mod behind;
mod cancel;
mod changed;
mod clocks;
mod faulty;
mod laws;
mod learned;
#[path = "../common/machine.rs"]
mod machine;
mod outages;
mod paces;
mod resets;
mod stalled;
