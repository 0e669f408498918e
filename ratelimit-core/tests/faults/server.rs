//! Servers that fail.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use ratelimit_core::store::{OnOutage, RedisStore};

use crate::machine::{in_real_time, must};
use crate::redis_server::RedisServer;
use crate::watched::Watched;

#[test]
fn killed_and_started_with_what_it_knew() {
    in_real_time(|| {
        let options = ["--appendonly", "yes", "--appendfsync", "always"];
        let Some(mut server) = RedisServer::start_with(&options) else { return };
        let mut calls = Watched::over(&server.url());
        calls.goes_well(50);
        server.kill();
        calls.fails(20, &["connection", "Connection refused", "Broken pipe"]);
        server.restart();
        calls.recovers();
        calls.counts();
    });
}

/// What it has forgotten is put back.
#[test]
fn killed_and_started_empty() {
    in_real_time(|| {
        let Some(mut server) = RedisServer::start() else { return };
        let (mut one, mut other) = (Watched::over(&server.url()), Watched::over(&server.url()));
        one.goes_well(50);
        other.goes_well(30);
        server.restart();
        one.recovers();
        other.recovers();
        let (used, granted) = (one.used(), one.granted + other.granted);
        let doubtful = one.doubtful() + other.doubtful();
        let holds = (granted..=granted + doubtful).contains(&used);
        must(holds, || format!("{used} of {granted} and {doubtful}"));
    });
}

#[test]
fn flushed() {
    in_real_time(|| {
        let Some(server) = RedisServer::start() else { return };
        let mut calls = Watched::over(&server.url());
        for _ in 0..5 {
            calls.goes_well(40);
            server.run::<String>("FLUSHALL");
        }
        calls.goes_well(1);
        calls.counts_none_that_failed();
        assert_eq!(calls.failed, 0);
    });
}

/// However the test ends.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn scripts_forgotten_again_and_again() {
    in_real_time(|| {
        let Some(server) = RedisServer::start() else { return };
        let is_over = AtomicBool::new(false);
        let mut calls = Watched::over(&server.url());
        thread::scope(|scope| {
            scope.spawn(|| {
                let mut connection = server.connection();
                while !is_over.load(Ordering::Relaxed) {
                    let _ = redis::cmd("SCRIPT").arg("FLUSH").query::<String>(&mut connection);
                }
            });
            let _ends = Ends(&is_over);
            // A script that is forgotten in the moment between is sent once, and no second time.
            for _ in 0..500 {
                let _ = calls.call();
            }
        });
        calls.recovers();
        assert!(calls.granted > 400, "{calls:?}");
        calls.counts();
    });
}

#[test]
fn stopped() {
    in_real_time(|| {
        let Some(server) = RedisServer::start() else { return };
        let mut calls = Watched::over(&server.url());
        calls.goes_well(20);
        server.signal("STOP");
        calls.fails(12, &["did not answer within", "was not reached within", "no time left"]);
        server.signal("CONT");
        calls.recovers();
        calls.counts();
    });
}

#[test]
fn read_only() {
    in_real_time(|| {
        let Some(server) = RedisServer::start() else { return };
        let mut calls = Watched::over(&server.url());
        calls.goes_well(20);
        server.run::<String>("REPLICAOF 127.0.0.1 1");
        calls.fails(12, &["READONLY"]);
        server.run::<String>("REPLICAOF NO ONE");
        calls.recovers();
        calls.counts_none_that_failed();
    });
}

#[test]
fn out_of_memory() {
    in_real_time(|| {
        let Some(server) = RedisServer::start() else { return };
        let mut calls = Watched::over(&server.url());
        calls.goes_well(20);
        server.run::<String>("CONFIG SET maxmemory 1");
        calls.fails(12, &["OOM"]);
        server.run::<String>("CONFIG SET maxmemory 0");
        calls.recovers();
        calls.counts_none_that_failed();
    });
}

/// By itself a process goes on with its share, and tells what it has started.
#[test]
fn away_while_processes_go_on_alone() {
    in_real_time(|| {
        let Some(mut server) = RedisServer::start_with(&["--appendonly", "yes", "--appendfsync", "always"])
        else {
            return;
        };
        let store = RedisStore::connect(&server.url()).expect("a URL");
        let mut calls = Watched::of(store, OnOutage::Local { share: 0.5 });
        calls.goes_well(30);
        server.kill();
        calls.goes_well(100);
        server.restart();
        thread::sleep(Duration::from_millis(1500));
        calls.goes_well(10);
        calls.counts();
        assert_eq!((calls.used(), calls.failed), (140, 0));
    });
}
