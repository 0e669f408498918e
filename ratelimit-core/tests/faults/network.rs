//! Networks that fail.

use std::time::Duration;

use ratelimit_core::Rate;

use crate::machine::{in_real_time, in_time, must};
use crate::proxy::{Manner, Proxy};
use crate::redis_server::RedisServer;
use crate::watched::{AMOUNT, TRIP, Watched};

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
        calls.counts_none_that_failed();
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
        must(calls.used() > calls.granted, || format!("{calls:?}: the first was counted"));
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
            proxy.set(Manner::slow_by_millis(millis));
            // The first that meets it may have to be asked for twice.
            let _ = calls.call();
            calls.recovers();
        }
        // Two exchanges are in time, and most calls are one; three are not, which it takes to give the log of a window more
        // room: once in 16 starts at most.
        proxy.set(Manner::slow_by_millis(100));
        let _ = calls.call();
        let failed = (0..32).filter(|_| calls.call().is_err()).count();
        assert!(failed <= 2, "{failed} of 32");
        for millis in [600, 3_000, 10_000] {
            proxy.set(Manner::slow_by_millis(millis));
            calls.fails(5, &["did not answer within", "no time left"]);
        }
        proxy.set(Manner::Pass);
        calls.recovers();
        calls.counts();
    });
}

/// A tenth of a second: once that is known every call is one exchange, which ends well.
#[test]
fn slow_where_no_log_is_kept() {
    in_real_time(|| {
        let Some(server) = RedisServer::start() else { return };
        let proxy = Proxy::before(server.port());
        let mut calls = Watched::by(Rate::per_hour(1).burst(AMOUNT), &proxy.url());
        calls.goes_well(5);
        proxy.set(Manner::slow_by_millis(100));
        // The first start is late, to be given back and asked for anew, and there may be no time left for that.
        let _ = calls.call();
        calls.goes_well(25);
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
            let allowed = Duration::from_millis(400);
            let called = in_time(allowed + TRIP, || calls.bucket.request().max_delay(allowed).acquire());
            assert!(called.is_err(), "{manner:?}");
        }
    });
}
