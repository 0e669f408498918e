//! Callers who wait on starts that are reserved, threads and futures, while the server or the network fails.

mod cases;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use ratelimit_core::store::OnOutage;
use ratelimit_core::{Bucket, Error, ErrorKind, Permit, Rate};

use crate::counted::{Counted, Counts, count};
use crate::fault::Fault;
use crate::judge::{Law, Start};
use crate::machine::{self, must};
use crate::redis_server::wait_until;

/// The longest wait that they accept: some windows.
const ALLOWED: Duration = Duration::from_millis(1200);
/// What a call may take beyond it: a trip, and what a machine adds that does not stand still.
const BEYOND: Duration = Duration::from_millis(250 + 300);
const GUARD: Duration = Duration::from_millis(20);
/// Of each kind: so many that each waits for the window after the next.
const CALLERS: usize = 4;
/// How long all is well before the server fails, how long it fails, and how long is looked on then.
const BEFORE: Duration = Duration::from_millis(800);
const FAILS: Duration = Duration::from_millis(1500);
const AFTER: Duration = Duration::from_millis(2500);
/// By when all is well again.
const RECOVERY: Duration = Duration::from_secs(2);

fn rate() -> Rate {
    Rate::new(4, Duration::from_millis(500))
}

/// A bucket that counts all that is ever spent beside what holds callers up.
fn bucket(url: &str, on_outage: OnOutage) -> (Bucket, Arc<Counts>) {
    let (store, counts) = Counted::over(url);
    let bucket = Bucket::named("api", rate()).and(Rate::per_hour(100_000)).guard(GUARD);
    (bucket.store(store).on_outage(on_outage), counts)
}

/// What the store counts in the hour.
fn spent(bucket: &Bucket) -> u32 {
    bucket.peek().expect("a store that answers").rates()[1].used()
}

/// A call that has ended.
#[derive(Debug)]
struct Ended {
    begun: Instant,
    at: Instant,
    /// When the store counts it, in microseconds.
    came_to: Result<u64, Error>,
}

impl Ended {
    fn new(begun: Instant, called: &Result<Permit, Error>) -> Self {
        let counted = |permit: &Permit| permit.counted().expect("a store");
        Ended { begun, at: Instant::now(), came_to: called.as_ref().map(counted).map_err(Clone::clone) }
    }

    fn is(&self, kind: ErrorKind) -> bool {
        self.came_to.as_ref().is_err_and(|error| error.kind() == kind)
    }
}

/// Calls again and again, threads and futures in one line.
fn call(bucket: &Bucket, until: Instant) -> Vec<Ended> {
    let pause = Duration::from_millis(50);
    let blocking = || {
        let mut ended = Vec::new();
        while Instant::now() < until {
            let begun = Instant::now();
            ended.push(Ended::new(begun, &bucket.request().max_delay(ALLOWED).acquire()));
            thread::sleep(pause);
        }
        ended
    };
    let waiting = async |bucket: Bucket| {
        let mut ended = Vec::new();
        while Instant::now() < until {
            let begun = Instant::now();
            ended.push(Ended::new(begun, &bucket.request().max_delay(ALLOWED).acquire_async().await));
            tokio::time::sleep(pause).await;
        }
        ended
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..CALLERS).map(|_| scope.spawn(blocking)).collect();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build();
        let runtime = runtime.expect("a runtime");
        let futures = (0..CALLERS).map(|_| waiting(bucket.clone()));
        let mut ended: Vec<Ended> =
            runtime.block_on(futures::future::join_all(futures)).into_iter().flatten().collect();
        ended.extend(threads.into_iter().flat_map(|thread| thread.join().expect("no panic")));
        ended
    })
}

/// What came of all calls, and when the server failed and was well again.
struct Seen {
    ended: Vec<Ended>,
    failed: Instant,
    well: Instant,
    bucket: Bucket,
    counts: Arc<Counts>,
    on_outage: OnOutage,
    reasons: &'static [&'static str],
}

/// What holds whatever it is that fails is looked at here. `None` where no server is installed.
fn watch(fault: Fault, on_outage: OnOutage) -> Option<Seen> {
    let mut place = fault.place()?;
    let (bucket, counts) = bucket(place.url(), on_outage);
    // It answers before anybody is watched.
    wait_until(|| bucket.peek().is_ok());
    machine::watch();
    let until = Instant::now() + BEFORE + FAILS + AFTER;
    let (ended, failed, well) = thread::scope(|scope| {
        let callers = scope.spawn(|| call(&bucket, until));
        thread::sleep(BEFORE);
        let failed = Instant::now();
        (fault.fail)(&mut place);
        thread::sleep(FAILS);
        (fault.mend)(&mut place);
        let well = Instant::now();
        (callers.join().expect("no panic"), failed, well)
    });
    let seen = Seen { ended, failed, well, bucket, counts, on_outage, reasons: fault.reasons };
    seen.holds();
    drop(place);
    Some(seen)
}

impl Seen {
    fn holds(&self) {
        self.keeps_the_law();
        for ended in &self.ended {
            let stalled = machine::stalled(ended.begun, ended.at);
            let is_in_time = ended.at - ended.begun < ALLOWED + BEYOND + stalled;
            assert!(
                is_in_time,
                "{ended:?}, {stalled:?} of it stalled, failed at {:?}, well at {:?}",
                self.failed, self.well
            );
        }
        let is_stated = |ended: &Ended| {
            ended.came_to.is_ok() || ended.is(ErrorKind::DelayTooLong) || ended.is(ErrorKind::Store)
        };
        assert!(self.ended.iter().all(is_stated), "{:?}", self.ended);
        self.fails_only_for(self.reasons);
        let again = self.ended.iter().filter(|ended| ended.begun >= self.well && ended.came_to.is_ok());
        let first = again.map(|ended| ended.at).min().expect("all is well again");
        let (took, stalled) = (first - self.well, machine::stalled(self.well, first));
        assert!(took < RECOVERY + stalled, "not within two seconds: {took:?}, {stalled:?} of it stalled");
        // Each start is counted. What the store did not answer may be, and what it granted and is too late for anybody is
        // where it could not be given back; nothing is twice.
        let (spent, started) = (spent(&self.bucket), count(self.starts()));
        let (void, lost) = (self.void(), self.counts.lost());
        println!("{started} started, {} failed, {void} void, {lost} lost, {spent} spent", self.failures());
        let most = started + void + lost;
        must((started..=most).contains(&spent), || format!("{spent} of {started} to {most}"));
    }

    /// What starts by the store, or by a share of what it may, keeps to the limit.
    fn keeps_the_law(&self) {
        let law = Law { rate: rate(), longer: GUARD };
        let judge = |counts: &dyn Fn(&Ended) -> bool| {
            let counted = self.ended.iter().filter(|ended| counts(ended));
            let counted = counted.filter_map(|ended| ended.came_to.as_ref().ok());
            let mut starts: Vec<Start> = counted.map(|counted| (1000 * counted, 1)).collect();
            starts.sort_unstable();
            law.judge(&starts, &[])
        };
        match self.on_outage {
            OnOutage::Deny | OnOutage::Local { .. } => {
                let judged = judge(&|_| true);
                must(judged.is_ok(), || format!("{judged:?}"));
            }
            // A machine that stands still makes an outage as well, in which all may start.
            _ => {
                assert_eq!(judge(&|ended| ended.at < self.failed), Ok(()));
                assert_eq!(judge(&|ended| ended.begun > self.well + RECOVERY), Ok(()));
            }
        }
    }

    /// When the store counts what has started.
    fn starts(&self) -> impl Iterator<Item = u64> {
        self.ended.iter().filter_map(|ended| ended.came_to.as_ref().ok().copied())
    }

    /// How many starts were granted and came too late for anybody.
    fn void(&self) -> u32 {
        self.counts.void_and_alone(self.starts()).0
    }

    /// How many started without the store.
    fn alone(&self) -> u32 {
        self.counts.void_and_alone(self.starts()).1
    }

    fn failures(&self) -> u32 {
        count(self.ended.iter().filter(|ended| ended.is(ErrorKind::Store)))
    }

    /// Who waited on a start as the server failed has started; who came later was told why not.
    fn goes_on_and_fails(&self) {
        let waited = |ended: &&Ended| ended.begun < self.failed && ended.at > self.failed + 2 * GUARD;
        let started = self.ended.iter().filter(waited).filter(|ended| ended.came_to.is_ok()).count();
        // Unless the machine stood still as they were to start.
        assert!(started > 0 || self.void() > 0, "{:?}", self.ended);
        assert!(self.failures() > 0);
    }

    fn fails_only_for(&self, reasons: &[&str]) {
        let failed = self.ended.iter().filter(|ended| ended.is(ErrorKind::Store));
        let texts: BTreeSet<String> = failed.map(|ended| text(&ended.came_to)).collect();
        let is_known = |text: &String| reasons.iter().any(|reason| text.contains(reason));
        assert!(texts.iter().all(is_known), "{texts:?}");
    }
}

fn text(came_to: &Result<u64, Error>) -> String {
    came_to.as_ref().err().map(|error| format!("{error:#}")).unwrap_or_default()
}
