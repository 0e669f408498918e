//! Callers who wait on starts that are reserved, threads and futures, while the server fails.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use ratelimit_core::store::{Answer, Ask, Failure, OnOutage, RedisStore, Store};
use ratelimit_core::{Bucket, Error, ErrorKind, Permit, Rate};

use crate::common::Task;
use crate::judge::{Law, Start};
use crate::machine::{self, in_real_time, must};
use crate::redis_server::{RedisServer, wait_until};

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

fn rate() -> Rate {
    Rate::new(4, Duration::from_millis(500))
}

/// A store of which is counted how many starts it granted, and how many asks came to nothing, or to what nobody heard of.
#[derive(Debug)]
struct Counted(RedisStore, Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    granted: AtomicU32,
    lost: AtomicU32,
}

impl Store for Counted {
    fn play(&self, asks: &[Ask], timeout: Duration) -> Vec<Result<Answer, Failure>> {
        let answers = self.0.play(asks, timeout);
        let granted = answers.iter().flatten().filter(|answer| answer.is_granted());
        self.1.granted.fetch_add(count(granted), Ordering::SeqCst);
        self.1.lost.fetch_add(count(answers.iter().filter(|answer| answer.is_err())), Ordering::SeqCst);
        answers
    }
}

/// A bucket that counts all that is ever spent beside what holds callers up.
fn bucket(server: &RedisServer, on_outage: OnOutage) -> (Bucket, Arc<Counts>) {
    let counts = Arc::<Counts>::default();
    let store = Counted(RedisStore::connect(&server.url()).expect("a URL"), Arc::clone(&counts));
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
    /// How many starts the store granted, and how many asks it did not answer.
    granted: u32,
    lost: u32,
    is_alone: bool,
}

fn watch(
    mut server: RedisServer,
    on_outage: OnOutage,
    fail: impl FnOnce(&mut RedisServer),
    mend: impl FnOnce(&mut RedisServer),
) -> Seen {
    let (bucket, counts) = bucket(&server, on_outage);
    // It answers before anybody is watched.
    wait_until(|| bucket.peek().is_ok());
    machine::watch();
    let until = Instant::now() + BEFORE + FAILS + AFTER;
    let (ended, failed, well) = thread::scope(|scope| {
        let callers = scope.spawn(|| call(&bucket, until));
        thread::sleep(BEFORE);
        let failed = Instant::now();
        fail(&mut server);
        thread::sleep(FAILS);
        mend(&mut server);
        let well = Instant::now();
        (callers.join().expect("no panic"), failed, well)
    });
    let count = |of: &AtomicU32| of.load(Ordering::SeqCst);
    let (granted, lost) = (count(&counts.granted), count(&counts.lost));
    let is_alone = on_outage != OnOutage::Deny;
    let seen = Seen { ended, failed, well, bucket, granted, lost, is_alone };
    seen.holds(server);
    seen
}

impl Seen {
    /// What holds whatever it was that failed.
    fn holds(&self, server: RedisServer) {
        let mut starts: Vec<Start> = self.starts().map(|counted| (1000 * counted, 1)).collect();
        starts.sort_unstable();
        let law = Law { rate: rate(), longer: GUARD };
        let judged = law.judge(&starts, &[]);
        must(judged.is_ok(), || format!("{judged:?}"));
        for ended in &self.ended {
            // What the machine adds, some times in a row.
            let stall = machine::longest_stall(ended.begun, ended.at);
            let is_in_time = ended.at - ended.begun < ALLOWED + BEYOND + 3 * stall;
            assert!(
                is_in_time,
                "{ended:?} with a stall of {stall:?}, failed at {:?}, well at {:?}",
                self.failed, self.well
            );
        }
        let is_stated = |ended: &&Ended| {
            ended.came_to.is_ok() || ended.is(ErrorKind::DelayTooLong) || ended.is(ErrorKind::Store)
        };
        assert!(self.ended.iter().all(|ended| is_stated(&ended)), "{:?}", self.ended);
        let again = self.ended.iter().filter(|ended| ended.begun >= self.well && ended.came_to.is_ok());
        let first = again.map(|ended| ended.at - self.well).min().expect("all is well again");
        assert!(first < Duration::from_secs(2), "not within two seconds: {first:?}");
        // Each start is counted. What failed may be, and what was granted and is too late for anybody is where it could not
        // be given back; nothing is twice, but what was asked in vain and then started without the store.
        let (spent, started) = (spent(&self.bucket), count(self.starts()));
        let void = self.granted.saturating_sub(started);
        let twice = if self.is_alone { self.lost } else { 0 };
        let most = started + void + self.failures() + twice;
        println!("{started} started, {} failed, {void} void, {spent} spent", self.failures());
        must((started..=most).contains(&spent), || format!("{spent} of {started} to {most}"));
        drop(server);
    }

    /// When the store counts what has started.
    fn starts(&self) -> impl Iterator<Item = u64> {
        self.ended.iter().filter_map(|ended| ended.came_to.as_ref().ok().copied())
    }

    /// How many starts were granted and came too late for anybody.
    fn void(&self) -> u32 {
        self.granted.saturating_sub(count(self.starts()))
    }

    fn failures(&self) -> u32 {
        count(self.ended.iter().filter(|ended| ended.is(ErrorKind::Store)))
    }

    /// Who waited on a start as the server failed has started; who came later was told why not, by those reasons.
    fn goes_on_and_fails(&self, reasons: &[&str]) {
        let waited = |ended: &&Ended| ended.begun < self.failed && ended.at > self.failed + 2 * GUARD;
        let started = self.ended.iter().filter(waited).filter(|ended| ended.came_to.is_ok()).count();
        // Unless the machine stood still as they were to start.
        assert!(started > 0 || self.void() > 0, "{:?}", self.ended);
        assert!(self.failures() > 0);
        self.fails_only_for(reasons);
    }

    fn fails_only_for(&self, reasons: &[&str]) {
        let failed = self.ended.iter().filter(|ended| ended.is(ErrorKind::Store));
        let texts: BTreeSet<String> = failed.map(|ended| text(&ended.came_to)).collect();
        let is_known = |text: &String| reasons.iter().any(|reason| text.contains(reason));
        assert!(texts.iter().all(is_known), "{texts:?}");
    }
}

fn count(of: impl Iterator) -> u32 {
    u32::try_from(of.count()).expect("a few")
}

fn text(came_to: &Result<u64, Error>) -> String {
    came_to.as_ref().err().map(|error| format!("{error:#}")).unwrap_or_default()
}

const REFUSED: [&str; 7] = [
    "connection",
    "Connection refused",
    "Broken pipe",
    "reset",
    "no time left",
    "did not answer",
    "was not reached",
];

#[test]
fn killed() {
    in_real_time(|| {
        let options = ["--appendonly", "yes", "--appendfsync", "always"];
        let Some(server) = RedisServer::start_with(&options) else { return };
        let seen = watch(server, OnOutage::Deny, RedisServer::kill, RedisServer::restart);
        seen.goes_on_and_fails(&REFUSED);
    });
}

#[test]
fn killed_and_started_empty() {
    in_real_time(|| {
        let Some(server) = RedisServer::start() else { return };
        let seen = watch(server, OnOutage::Deny, RedisServer::kill, RedisServer::restart);
        seen.goes_on_and_fails(&REFUSED);
    });
}

/// What is forgotten between two calls is put back by the second: there is no outage.
#[test]
fn started_anew_and_empty_at_once() {
    in_real_time(|| {
        let Some(server) = RedisServer::start() else { return };
        watch(server, OnOutage::Deny, RedisServer::restart, |_| ());
    });
}

#[test]
fn stopped() {
    in_real_time(|| {
        let Some(server) = RedisServer::start() else { return };
        let seen =
            watch(server, OnOutage::Deny, |server| server.signal("STOP"), |server| server.signal("CONT"));
        seen.goes_on_and_fails(&["did not answer", "was not reached", "no time left"]);
    });
}

#[test]
fn flushed() {
    in_real_time(|| {
        let Some(server) = RedisServer::start() else { return };
        let flush = |server: &mut RedisServer| assert_eq!(server.run::<String>("FLUSHALL"), "OK");
        let seen = watch(server, OnOutage::Deny, flush, flush);
        assert_eq!(seen.failures(), 0, "{:?}", seen.ended);
    });
}

#[test]
fn read_only() {
    in_real_time(|| {
        let Some(server) = RedisServer::start() else { return };
        let replicate = |server: &mut RedisServer| _ = server.run::<String>("REPLICAOF 127.0.0.1 1");
        let end = |server: &mut RedisServer| _ = server.run::<String>("REPLICAOF NO ONE");
        watch(server, OnOutage::Deny, replicate, end).goes_on_and_fails(&["READONLY"]);
    });
}

/// By itself the process goes on with its share of what it may. As the server is back a call may fail that had no time left
/// when all of that was told.
#[test]
fn stopped_while_the_process_goes_on_alone() {
    in_real_time(|| {
        let Some(server) = RedisServer::start() else { return };
        let alone = OnOutage::Local { share: 0.5 };
        let seen = watch(server, alone, |server| server.signal("STOP"), |server| server.signal("CONT"));
        seen.fails_only_for(&["still being told"]);
        // All others have failed by then in the tests above.
        let during = |ended: &&Ended| ended.begun > seen.failed && ended.begun < seen.well;
        assert!(seen.ended.iter().filter(during).count() > 0, "{:?}", seen.ended);
    });
}

/// Futures that wait on a start of their own are dropped while the server hears of nothing. What is given back so goes there
/// once, sooner or later or never: were it there twice, somebody else's start would be taken out.
#[test]
fn dropped_while_the_server_is_stopped() {
    in_real_time(|| {
        let Some(server) = RedisServer::start() else { return };
        for waits in 1..=5 {
            server.run::<String>("FLUSHALL");
            let (bucket, counts) = bucket(&server, OnOutage::Deny);
            let granted = || counts.granted.load(Ordering::SeqCst);
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
