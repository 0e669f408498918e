//! Eight processes of this program over one store: the laws that hold across processes, by the clock of the host, which
//! all of them share, and by that of a server that they call.
//!
//! A process is this test binary started again, with what it is to do in its environment.
#![allow(clippy::disallowed_methods, reason = "real processes in real time")]
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod child;
mod delays;
mod judge;
mod lateness;
mod laws;
#[path = "../common/machine.rs"]
mod machine;
mod order;
#[path = "../common/redis_server.rs"]
mod redis_server;
mod server;
#[path = "../common/skipped.rs"]
mod skipped;
mod stores;
#[path = "../common/temporary.rs"]
mod temporary;
