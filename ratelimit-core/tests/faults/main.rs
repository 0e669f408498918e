//! What calls come to while a Redis server, or the network to it, is not as it should be: the stated error within the time
//! that a trip may take, nothing spent twice, and no more than two seconds until all is well again.
#![allow(clippy::disallowed_methods, reason = "servers keep real time")]
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod alone;
mod cluster;
#[path = "../common/mod.rs"]
mod common;
mod counted;
mod fault;
#[path = "../processes/judge.rs"]
mod judge;
#[path = "../common/machine.rs"]
mod machine;
mod network;
mod proxy;
mod put_back;
#[path = "../common/redis_server.rs"]
mod redis_server;
mod server;
#[path = "../common/skipped.rs"]
mod skipped;
#[path = "../common/temporary.rs"]
mod temporary;
mod waiting;
mod watched;
