//! Every store keeps the promises of `Store`: a store is a line below.
//!
//! A store is asked by [`Store::play`](ratelimit_core::store::Store::play) alone, whoever calls: for a thread on that thread,
//! for a task on a thread of the bucket's, so that the kit, which plays by threads, plays as both do. Which trips come of
//! that is the bucket's own, and so each line is also called by threads and by tasks, which have to come to the same; one is
//! a store over somebody else's async client.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::unwrap_used, clippy::panic, reason = "tests")]

#[cfg(feature = "redis")]
mod by_async;
mod callers;
#[path = "../common/dice.rs"]
mod dice;
#[cfg(feature = "sqlite")]
mod file;
#[cfg(feature = "redis")]
mod foreign;
#[cfg(feature = "redis")]
#[path = "../common/redis_server.rs"]
mod redis_server;
#[cfg(feature = "redis")]
#[path = "../common/skipped.rs"]
mod skipped;
#[cfg(any(feature = "sqlite", feature = "redis"))]
#[path = "../common/temporary.rs"]
mod temporary;
mod theirs;

use std::sync::Arc;

#[cfg(feature = "redis")]
use ratelimit_core::store::RedisStore;
use ratelimit_core::store::{MemoryStore, conformance};

#[cfg(feature = "redis")]
use redis_server::{RedisServer, cluster_of_six};

/// For each store a test of its own: what opens one, and what then opens it once more, as another process would.
macro_rules! stores {
    ($($(#[$attribute:meta])* $name:ident: $open:expr;)+) => {
        $(
            $(#[$attribute])*
            #[test]
            fn $name() {
                let open = $open;
                // What is missing has said so itself.
                let Some(open) = open else { return };
                let played = conformance::Kit::new().run(&open);
                println!("{}: {played:?}", stringify!($name));
                assert!(played.tests >= 24 && played.asks > 2_000, "{played:?}");
                callers::agree(&open);
            }
        )+
    };
}

stores! {
    memory: { let store = Arc::new(MemoryStore::default()); Some(move || Arc::clone(&store)) };
    #[cfg(feature = "sqlite")]
    sqlite: { let file = file::File::new(); Some(move || file.store()) };
    #[cfg(feature = "redis")]
    redis: {
        RedisServer::start().map(|server| move || RedisStore::connect(&server.url()).expect("a URL"))
    };
    #[cfg(feature = "redis")]
    redis_by_a_foreign_client: {
        RedisServer::start().map(|server| move || RedisStore::with_transport(foreign::Client::of(&server)))
    };
    #[cfg(feature = "redis")]
    redis_by_an_async_client: {
        RedisServer::start().map(|server| move || RedisStore::with_transport(by_async::AsyncClient::of(&server)))
    };
    #[cfg(feature = "redis")]
    redis_cluster: {
        cluster_of_six().map(|nodes| move || RedisStore::cluster([nodes[0].url()]).expect("a URL"))
    };
    one_of_the_users_own: { let table = theirs::Table::default(); Some(move || table.clone()) };
}
