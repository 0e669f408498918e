//! Calls of processes that go on by themselves while a server, or the network to it, fails: with their share, or with all.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use ratelimit_core::store::{OnOutage, RedisStore};
use ratelimit_core::{Bucket, Error, ErrorKind, Rate};

use crate::counted::{Counted, Counts};
use crate::fault::{self, Fault, Place};
use crate::machine::{in_real_time, in_time, must};
use crate::watched::TRIP;

const AMOUNT: u32 = 60;
const SHARE: u32 = AMOUNT / 2;
/// What starts before anything fails, and how often is called while it does: more than there is.
const BEFORE: u32 = 20;
const CALLS: u32 = AMOUNT;

/// A process, what came of what it asked the store, and how many calls it has started.
struct Process {
    bucket: Bucket,
    counts: Arc<Counts>,
    started: u32,
}

fn named(name: &str) -> Bucket {
    Bucket::named(name.to_owned(), Rate::per_hour(AMOUNT)).guard(Duration::ZERO)
}

impl Process {
    fn of(place: &Place, name: &str, on_outage: OnOutage) -> Self {
        let (store, counts) = Counted::over(place.url());
        Process { bucket: named(name).store(store).on_outage(on_outage), counts, started: 0 }
    }

    /// A call, in time; whether it started.
    fn starts(&mut self) -> Result<bool, Error> {
        let called = in_time(TRIP, || self.bucket.try_acquire());
        self.started += u32::from(called.is_ok());
        match called {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == ErrorKind::Limited => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// How many of so many calls start, where none may fail.
    fn starts_of(&mut self, calls: u32) -> u32 {
        (0..calls).map(|_| self.starts().map_or_else(|error| panic!("{error:#}"), u32::from)).sum()
    }

    /// Until the store has been told, which `other` finds there; for two seconds at most.
    fn recovers(&mut self, other: &Bucket) {
        let begin = Instant::now();
        let used = || other.peek().map_or(0, |seen| seen.rates()[0].used());
        while used() < self.started {
            assert!(begin.elapsed() < Duration::from_secs(2), "{} of {}", used(), self.started);
            // It tells what it has started with its next call.
            if let Err(error) = self.starts() {
                assert!(format!("{error:#}").contains("still being told"), "{error:#}");
            }
            thread::sleep(Duration::from_millis(10));
        }
    }
}

/// What `fault` comes to. Where it leaves open whether a call is counted that the store did not answer, it may count beside
/// the start that was made without it.
fn alone(fault: Fault, is_open: bool) {
    in_real_time(|| {
        let Some(mut place) = fault.place() else { return };
        let mut shares = Process::of(&place, "shares", OnOutage::Local { share: 0.5 });
        let mut allows = Process::of(&place, "allows", OnOutage::Allow);
        for process in [&mut shares, &mut allows] {
            assert_eq!(process.starts_of(BEFORE), BEFORE);
        }
        (fault.fail)(&mut place);
        let (of_share, of_all) = (shares.starts_of(CALLS), allows.starts_of(CALLS));
        must(of_share == SHARE - BEFORE, || format!("{of_share}: its share, less what it had started"));
        must(of_all == CALLS, || format!("{of_all}: all of them"));
        (fault.mend)(&mut place);
        for (process, name) in [(&mut shares, "shares"), (&mut allows, "allows")] {
            let other = named(name).store(RedisStore::connect(&place.server.url()).expect("a URL"));
            process.recovers(&other);
            let left = AMOUNT.saturating_sub(process.started);
            let further = process.starts_of(CALLS);
            assert!(further <= left, "{further} of {left}");
            let used = other.peek().expect("a store that answers").rates()[0].used();
            let (started, lost) = (process.started, process.counts.lost());
            println!("{name}: {started} started, {lost} lost, {used} used, {further} further");
            must((started..=started + lost).contains(&used), || format!("{used} of {started} and {lost}"));
            assert!(is_open || used == started, "{used} of {started}");
            assert!(used >= AMOUNT, "{used}: all that there is");
        }
        must(shares.started <= AMOUNT, || format!("{}", shares.started));
    });
}

#[test]
fn killed() {
    alone(fault::KILLED, false);
}

#[test]
fn killed_and_started_empty() {
    alone(fault::KILLED_AND_EMPTY, false);
}

#[test]
fn stopped() {
    alone(fault::STOPPED, true);
}

#[test]
fn read_only() {
    alone(fault::READ_ONLY, false);
}

#[test]
fn out_of_memory() {
    alone(fault::OUT_OF_MEMORY, false);
}

#[test]
fn cut_before_the_server_hears_of_it() {
    alone(fault::CUT_BEFORE, false);
}

#[test]
fn cut_when_the_server_has_answered() {
    alone(fault::CUT_AFTER, true);
}

#[test]
fn nothing_arrives_any_more() {
    alone(fault::SWALLOWED, false);
}
