//! What one of the processes does.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use ratelimit_core::clock::{Clock, Sleep, SystemClock, Timestamp};
use ratelimit_core::{Bucket, ErrorKind};

use crate::lateness::{self, Call, GUARD};
use crate::laws::Scene;
use crate::server::Client;
use crate::stores::{Place, TRIP};

/// What it is told by.
const PLACE: &str = "RATE_LIMITED_TEST_PLACE";
const SCENE: &str = "RATE_LIMITED_TEST_SCENE";
const ATTEMPT: &str = "RATE_LIMITED_TEST_ATTEMPT";
const SERVER: &str = "RATE_LIMITED_TEST_SERVER";
const HOURS: &str = "RATE_LIMITED_TEST_HOURS";

/// How long each of them calls.
const SPAN: Duration = Duration::from_secs(3);
/// The longest wait that they accept.
const ALLOWED: Duration = Duration::from_secs(2);
/// How many threads call in each.
const THREADS: usize = 3;

/// A clock that is ahead by so many hours.
#[derive(Debug)]
struct Ahead(Duration);

impl Clock for Ahead {
    fn now(&self) -> Timestamp {
        SystemClock.now().saturating_add(self.0)
    }

    fn sleep_until(&self, at: Timestamp) -> Sleep {
        let ahead = Timestamp::ZERO.saturating_add(self.0);
        SystemClock.sleep_until(Timestamp::ZERO.saturating_add(at.saturating_since(ahead)))
    }
}

/// The clock of one that shows so many hours more than others' is of its own; without any it is the machine's.
pub(crate) fn start(
    place: &Place,
    (scene, attempt): (Scene, usize),
    server: SocketAddr,
    hours: usize,
) -> Child {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command.args(["--exact", "child::calls_for_a_while", "--ignored", "--nocapture"]);
    command.env(PLACE, place.to_string()).env(SCENE, scene.to_string()).env(SERVER, server.to_string());
    command.env(ATTEMPT, attempt.to_string()).env(HOURS, hours.to_string());
    command.stdout(Stdio::piped()).spawn().expect("a process")
}

/// What one of them has done, as it printed it.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) calls: Vec<Call>,
    /// When the store counts what it granted and nobody started.
    pub(crate) voids: Vec<u64>,
}

pub(crate) fn done(child: Child) -> Done {
    let output = child.wait_with_output().expect("its end");
    let text = String::from_utf8(output.stdout).expect("text");
    assert!(output.status.success(), "{text}");
    read(&text)
}

/// What was granted, and started.
fn read(text: &str) -> Done {
    let micros = |word: &str| 1000 * word.parse::<u64>().expect("a number");
    // Starts of the same moment cannot be told from each other: the longest slack is of all of them.
    let mut granted: BTreeMap<u64, (usize, u64)> = BTreeMap::new();
    for line in text.lines().filter_map(|line| line.strip_prefix("granted ")) {
        let (counted, slack) = line.split_once(' ').expect("two words");
        let (times, longest) = granted.entry(micros(counted)).or_default();
        (*times, *longest) = (*times + 1, micros(slack).max(*longest));
    }
    let mut calls = Vec::new();
    for line in text.lines().filter_map(|line| line.strip_prefix("start ")) {
        let words: Vec<&str> = line.split(' ').collect();
        let [serial, start, counted, key, weight] = words[..] else { panic!("{line}") };
        let number = |word: &str| word.parse::<u64>().expect("a number");
        let counted = micros(counted);
        let (times, slack) = granted.get_mut(&counted).expect("nothing starts that was not granted");
        *times = times.checked_sub(1).expect("nothing starts twice");
        let (serial, key) = (serial.to_owned(), key.to_owned());
        let (start, weight, slack) = (number(start), number(weight), *slack);
        calls.push(Call { serial, key, weight, counted, slack, start, arrival: 0 });
    }
    let voids = granted.into_iter().filter(|(_, (times, _))| *times > 0).map(|(counted, _)| counted);
    Done { calls, voids: voids.collect() }
}

#[test]
#[ignore = "runs in a process that another test starts"]
fn calls_for_a_while() {
    let Ok(place) = std::env::var(PLACE) else { return };
    let told = |name| std::env::var(name).expect("what another test says");
    let place: Place = place.parse().expect("a place");
    let scene: Scene = told(SCENE).parse().expect("a scene");
    let server: SocketAddr = told(SERVER).parse().expect("an address");
    let attempt = told(ATTEMPT).parse().expect("a number");
    let hours: u64 = told(HOURS).parse().expect("a number");
    let mut bucket = place.over(scene.bucket(attempt));
    if hours > 0 {
        bucket = bucket.clock(Ahead(Duration::from_secs(3600 * hours)));
    }
    assert_eq!(bucket.peek().expect("a store that answers").guard(), GUARD);
    // Law 9, in each of them.
    let heavy = bucket.request().weight(1_000_000).max_delay(Duration::MAX).acquire().unwrap_err();
    assert_eq!(heavy.kind(), ErrorKind::TooHeavy);
    let begin = SystemClock.now();
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let bucket = &bucket;
            scope.spawn(move || {
                let mut client = Client::connect(server);
                let mut round = thread;
                while SystemClock.now().saturating_since(begin) < SPAN {
                    round += 1;
                    call(bucket, scene, round, &mut client);
                }
            });
        }
    });
}

fn call(bucket: &Bucket, scene: Scene, round: usize, client: &mut Client) {
    static CALLS: AtomicU64 = AtomicU64::new(0);
    let serial = format!("{}-{}", std::process::id(), CALLS.fetch_add(1, Ordering::Relaxed));
    let (key, weight) = scene.call(round);
    let asked = SystemClock.now();
    let request = bucket.request().key(key).weight(weight).max_delay(ALLOWED);
    match request.acquire() {
        Ok(permit) => {
            let start = lateness::now();
            let now = SystemClock.now();
            client.get(&format!("/{serial}/{key}/{weight}"));
            let took = now.saturating_since(asked);
            // Law 7: the allowance, a trip's time, and what a busy machine takes to wake a thread.
            assert!(took < ALLOWED + TRIP + Duration::from_millis(500), "{took:?}");
            assert!(permit.waited() <= ALLOWED + TRIP, "{permit:?}");
            let counted = permit.counted().expect("a store");
            println!("start {serial} {start} {counted} {key} {weight}");
        }
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::DelayTooLong, "{error}");
            // At once, as it cannot make it; or a start that it had was void, as its thread was woken too late.
            let is_at_once = SystemClock.now().saturating_since(asked) < Duration::from_millis(200);
            let makes_it = error
                .retry_after()
                .is_some_and(|wait| wait < ALLOWED.saturating_sub(Duration::from_millis(300)));
            assert!(!(is_at_once && makes_it), "{error}");
            thread::sleep(Duration::from_millis(50));
        }
    }
}

#[test]
fn what_was_granted_and_not_started_is_void() {
    let done = read(
        "granted 10 0\ngranted 10 2\ngranted 20 1\nother\nstart 7-1 10500 10 ann 2\nstart 7-2 20100 20 bob 1\n",
    );
    let of = |call: &Call| (call.serial.clone(), call.start, call.counted, call.slack, call.weight);
    let calls: Vec<_> = done.calls.iter().map(of).collect();
    assert_eq!(calls, [("7-1".into(), 10_500, 10_000, 2000, 2), ("7-2".into(), 20_100, 20_000, 1000, 1)]);
    assert_eq!(done.voids, [10_000]);
}

#[test]
#[should_panic(expected = "nothing starts twice")]
fn what_starts_twice_is_found() {
    read("granted 10 0\nstart 7-1 10500 10 ann 2\nstart 7-2 10500 10 ann 2\n");
}
