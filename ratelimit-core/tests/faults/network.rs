//! Networks that fail.

use std::time::{Duration, Instant};

use crate::machine::in_real_time;
use crate::proxy::{Manner, Proxy};
use crate::redis_server::RedisServer;
use crate::watched::Watched;

#[test]
fn cut_before_the_server_hears_of_it() {
    in_real_time(|| {
        let Some(server) = RedisServer::start() else { return };
        let proxy = Proxy::before(server.port());
        let mut calls = Watched::over(&proxy.url());
        calls.goes_well(20);
        proxy.set(Manner::CutBefore);
        calls.fails(12, &["connection", "reset", "Broken pipe", "closed"]);
        proxy.set(Manner::Pass);
        calls.recovers();
        assert_eq!(calls.used(), calls.granted, "nothing came to the server");
    });
}

/// What was counted and never answered stays spent, once.
#[test]
fn cut_when_the_server_has_answered() {
    in_real_time(|| {
        let Some(server) = RedisServer::start() else { return };
        let proxy = Proxy::before(server.port());
        let mut calls = Watched::over(&proxy.url());
        calls.goes_well(20);
        proxy.set(Manner::CutAfter);
        calls.fails(2, &["connection", "reset", "Broken pipe", "closed"]);
        proxy.set(Manner::Pass);
        calls.recovers();
        calls.counts();
        assert!(calls.used() > calls.granted, "the first was counted");
    });
}

#[test]
fn nothing_arrives_any_more() {
    in_real_time(|| {
        let Some(server) = RedisServer::start() else { return };
        let proxy = Proxy::before(server.port());
        let mut calls = Watched::over(&proxy.url());
        calls.goes_well(20);
        proxy.set(Manner::Swallow);
        calls.fails(12, &["did not answer within", "no time left"]);
        proxy.set(Manner::Pass);
        calls.recovers();
        calls.counts();
    });
}

/// From a millisecond to ten seconds: what a trip may take is taken, and no more.
#[test]
fn slow() {
    in_real_time(|| {
        let Some(server) = RedisServer::start() else { return };
        let proxy = Proxy::before(server.port());
        let mut calls = Watched::over(&proxy.url());
        calls.goes_well(5);
        for millis in [1, 10, 40] {
            proxy.set(Manner::Slow(Duration::from_millis(millis)));
            // The first that meets it may have to be asked for twice.
            let _ = calls.call();
            calls.recovers();
        }
        // Two of these are as much as a trip may take, and a machine that is busy adds to it.
        proxy.set(Manner::Slow(Duration::from_millis(100)));
        let ended_well = (0..20).filter(|_| calls.call().is_ok()).count();
        assert!(ended_well >= 10, "{ended_well} of 20");
        for millis in [600, 3_000, 10_000] {
            proxy.set(Manner::Slow(Duration::from_millis(millis)));
            calls.fails(5, &["did not answer within", "no time left"]);
        }
        proxy.set(Manner::Pass);
        calls.recovers();
        calls.counts();
    });
}

/// A caller with an allowance ends within that and a trip, whatever happens.
#[test]
fn an_allowance_ends_in_time() {
    in_real_time(|| {
        let Some(server) = RedisServer::start() else { return };
        let proxy = Proxy::before(server.port());
        let calls = Watched::over(&proxy.url());
        for manner in [Manner::Swallow, Manner::CutBefore, Manner::Slow(Duration::from_secs(3))] {
            proxy.set(manner);
            let begin = Instant::now();
            let allowed = Duration::from_millis(400);
            assert!(calls.bucket.request().max_delay(allowed).acquire().is_err());
            let took = begin.elapsed();
            assert!(took < allowed + Duration::from_millis(250 + 300), "{manner:?}: {took:?}");
        }
    });
}
