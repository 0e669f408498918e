//! What fails while callers wait.

use std::thread;
use std::time::Duration;

use ratelimit_core::Permit;
use ratelimit_core::store::OnOutage;

use super::{Ended, GUARD, Seen, bucket, spent, watch};
use crate::common::Task;
use crate::counted::count;
use crate::fault::{self, Fault};
use crate::machine::{in_real_time, must};
use crate::redis_server::{RedisServer, wait_until};

/// What `fault` comes to where nobody may start without the store.
fn denied(fault: Fault, holds: impl Fn(&Seen)) {
    in_real_time(|| _ = watch(fault, OnOutage::Deny).inspect(&holds));
}

#[test]
fn killed() {
    denied(fault::KILLED, Seen::goes_on_and_fails);
}

#[test]
fn killed_and_started_empty() {
    denied(fault::KILLED_AND_EMPTY, Seen::goes_on_and_fails);
}

/// What is forgotten between two calls is put back by the second: there is no outage.
#[test]
fn started_anew_and_empty_at_once() {
    denied(fault::STARTED_ANEW, |_| ());
}

#[test]
fn stopped() {
    denied(fault::STOPPED, Seen::goes_on_and_fails);
}

#[test]
fn flushed() {
    denied(fault::FLUSHED, |seen| assert_eq!(seen.failures(), 0, "{:?}", seen.ended));
}

#[test]
fn read_only() {
    denied(fault::READ_ONLY, Seen::goes_on_and_fails);
}

#[test]
fn out_of_memory() {
    denied(fault::OUT_OF_MEMORY, Seen::goes_on_and_fails);
}

#[test]
fn cut_before_the_server_hears_of_it() {
    denied(fault::CUT_BEFORE, Seen::goes_on_and_fails);
}

#[test]
fn cut_when_the_server_has_answered() {
    denied(fault::CUT_AFTER, Seen::goes_on_and_fails);
}

#[test]
fn nothing_arrives_any_more() {
    denied(fault::SWALLOWED, Seen::goes_on_and_fails);
}

#[test]
fn too_slow() {
    denied(fault::TOO_SLOW, Seen::goes_on_and_fails);
}

#[test]
fn far_too_slow() {
    denied(fault::FAR_TOO_SLOW, Seen::goes_on_and_fails);
}

/// Slower than the guard, and well within what a trip may take: callers go on, at less than the rate.
#[test]
fn slow() {
    denied(fault::SLOW, |seen| {
        let is_slow = |ended: &&Ended| ended.at > seen.failed + 2 * GUARD && ended.at < seen.well;
        let started = seen.ended.iter().filter(is_slow).filter(|ended| ended.came_to.is_ok()).count();
        println!("{started} while it was slow");
        // Who has to wait for several exchanges of others may have no time left, where the machine is slow as well.
        assert!(started >= 4, "{:?}", seen.ended);
    });
}

/// What `fault` comes to where a process goes on by itself: with its share of what it may, or with all.
///
/// As the server is back a call may fail that had no time left when all of that was told.
fn alone(mut fault: Fault, on_outage: OnOutage) {
    fault.reasons = &["still being told"];
    in_real_time(|| {
        let Some(seen) = watch(fault, on_outage) else { return };
        println!("{} alone", seen.alone());
        // Reservations from before hold. Beyond them each caller comes again 20 times a second, or shares two in half a
        // second with all others.
        let least = if on_outage == OnOutage::Allow { 10 } else { 1 };
        assert!(seen.alone() >= least, "{}: {:?}", seen.alone(), seen.ended);
    });
}

const SHARE: OnOutage = OnOutage::Local { share: 0.5 };

#[test]
fn killed_while_the_process_goes_on_with_its_share() {
    alone(fault::KILLED, SHARE);
}

#[test]
fn stopped_while_the_process_goes_on_with_its_share() {
    alone(fault::STOPPED, SHARE);
}

#[test]
fn cut_off_while_the_process_goes_on_with_its_share() {
    alone(fault::CUT_AFTER, SHARE);
}

#[test]
fn killed_while_all_may_start() {
    alone(fault::KILLED, OnOutage::Allow);
}

#[test]
fn stopped_while_all_may_start() {
    alone(fault::STOPPED, OnOutage::Allow);
}

#[test]
fn cut_off_while_all_may_start() {
    alone(fault::CUT_AFTER, OnOutage::Allow);
}

/// Futures that wait on a start of their own are dropped while the server hears of nothing. What is given back so goes there
/// once, sooner or later or never: were it there twice, somebody else's start would be taken out.
#[test]
fn dropped_while_the_server_is_stopped() {
    in_real_time(|| {
        let Some(server) = RedisServer::start() else { return };
        for waits in 1..=5 {
            server.run::<String>("FLUSHALL");
            let (bucket, counts) = bucket(&server.url(), OnOutage::Deny);
            let granted = || count(counts.granted().iter());
            let started: Vec<Permit> = (0..4).map(|_| bucket.acquire().expect("it is free")).collect();
            let before = granted();
            let tasks: Vec<Task> = (0..waits).map(|_| Task::waiting(&bucket)).collect();
            wait_until(|| granted() >= before + waits);
            server.signal("STOP");
            // One more is on its way, and its answer is nobody's any more.
            let late = waits.is_multiple_of(2).then(|| Task::waiting(&bucket));
            let on_its_way = count(late.iter());
            drop((tasks, late));
            thread::sleep(Duration::from_millis(20 * u64::from(waits)));
            server.signal("CONT");
            let again = bucket.request().max_delay(Duration::from_secs(3)).acquire();
            let started = count(started.iter().chain(&again));
            // Until all is told that there is to tell.
            thread::sleep(Duration::from_millis(400));
            let (spent, most) = (spent(&bucket), granted() + on_its_way);
            let holds = (started..=most).contains(&spent);
            must(holds, || format!("{waits}: {spent} of {started} to {most}"));
        }
    });
}
