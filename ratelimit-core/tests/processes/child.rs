//! What one of the processes does.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use ratelimit_core::clock::{Clock, Sleep, SystemClock, Timestamp};
use ratelimit_core::{Bucket, ErrorKind};

use crate::delays::{self, Later, Met, Refusal, Took, Wait};
use crate::lateness::{self, Call, GUARD};
use crate::laws::Scene;
use crate::machine;
use crate::server::Client;
use crate::stores::Place;

/// What it is told by.
pub(crate) const PLACE: &str = "RATE_LIMITED_TEST_PLACE";
const SCENE: &str = "RATE_LIMITED_TEST_SCENE";
const ATTEMPT: &str = "RATE_LIMITED_TEST_ATTEMPT";
const SERVER: &str = "RATE_LIMITED_TEST_SERVER";
const HOURS: &str = "RATE_LIMITED_TEST_HOURS";

/// How long each of them calls.
const SPAN: Duration = Duration::from_secs(3);
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

/// This program once more, which runs that test.
pub(crate) fn again(test: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command.args(["--exact", test, "--ignored", "--nocapture"]);
    command
}

/// The clock of one that shows so many hours more than others' is of its own; without any it is the machine's.
pub(crate) fn start(
    place: &Place,
    (scene, attempt): (Scene, usize),
    server: SocketAddr,
    hours: usize,
) -> Child {
    let mut command = again("child::calls_for_a_while");
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
    pub(crate) refused: Vec<Refusal>,
    pub(crate) met: Met,
}

pub(crate) fn done(child: Child) -> Done {
    let output = child.wait_with_output().expect("its end");
    let text = String::from_utf8(output.stdout).expect("text");
    assert!(output.status.success(), "{text}");
    read(&text)
}

/// What was granted, and started, and what else there is.
fn read(text: &str) -> Done {
    let micros = |word: &str| 1000 * number(word);
    let of = |word: &'static str| text.lines().filter_map(move |line| line.strip_prefix(word));
    // Starts of the same moment cannot be told from each other: the longest slack is of all of them.
    let mut granted: BTreeMap<u64, (usize, u64)> = BTreeMap::new();
    for line in of("granted ") {
        let (counted, slack) = line.split_once(' ').expect("two words");
        let (times, longest) = granted.entry(micros(counted)).or_default();
        (*times, *longest) = (*times + 1, micros(slack).max(*longest));
    }
    let mut calls = Vec::new();
    for line in of("start ") {
        let words: Vec<&str> = line.splitn(6, ' ').collect();
        let [serial, key, weight, counted, waited, wait] = words[..] else { panic!("{line}") };
        let counted = micros(counted);
        let (times, slack) = granted.get_mut(&counted).expect("nothing starts that was not granted");
        *times = times.checked_sub(1).expect("nothing starts twice");
        let (serial, key, wait) = (serial.to_owned(), key.to_owned(), wait.parse::<Wait>().expect("a wait"));
        let (weight, waited, slack) = (number(weight), number(waited), *slack);
        calls.push(Call { serial, key, weight, counted, slack, start: wait.end, arrival: 0, wait, waited });
    }
    let refused = |line: &str| {
        let words: Vec<&str> = line.splitn(3, ' ').collect();
        let [key, retry_after, wait] = words[..] else { panic!("{line}") };
        Refusal { key: key.to_owned(), wait: wait.parse().expect("a wait"), retry_after: number(retry_after) }
    };
    let all = |word| of(word).map(|line| line.parse().expect("what took a while")).collect();
    let voids = granted.into_iter().flat_map(|(counted, (times, _))| std::iter::repeat_n(counted, times));
    let later = |line: &str| {
        let words: Vec<&str> = line.splitn(3, ' ').collect();
        let [told, wait, entry] = words[..] else { panic!("{line}") };
        let (_, key) = entry.rsplit_once(':').expect("the key's");
        Later { key: key.to_owned(), told: number(told), wait: number(wait) }
    };
    let laters = of("later ").map(later).collect();
    let met = Met { trips: all("trip "), stalls: all("stall "), laters };
    Done { calls, voids: voids.collect(), refused: of("refused ").map(refused).collect(), met }
}

fn number(word: &str) -> u64 {
    word.parse().expect("a number")
}

#[test]
#[ignore = "runs in a process that another test starts"]
fn calls_for_a_while() {
    let Ok(place) = std::env::var(PLACE) else { return };
    let opened = Instant::now();
    machine::watch();
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
    for Took { end, span } in delays::stalls_since(opened) {
        println!("stall {end} {span}");
    }
}

fn call(bucket: &Bucket, scene: Scene, round: usize, client: &mut Client) {
    static CALLS: AtomicU64 = AtomicU64::new(0);
    let serial = format!("{}-{}", std::process::id(), CALLS.fetch_add(1, Ordering::Relaxed));
    let (key, weight, allowed) = scene.call(round);
    let before = queued();
    let asked = lateness::now();
    let request = bucket.request().key(key).weight(weight).max_delay(allowed);
    let ended = request.acquire();
    let end = lateness::now();
    let queued = queued().saturating_sub(before);
    let wait = format!("{asked} {end} {} {queued}", allowed.as_nanos());
    match ended {
        Ok(permit) => {
            client.get(&format!("/{serial}/{key}/{weight}"));
            let counted = permit.counted().expect("a store");
            println!("start {serial} {key} {weight} {counted} {} {wait}", permit.waited().as_nanos());
        }
        Err(error) => {
            let kind = if allowed.is_zero() { ErrorKind::Limited } else { ErrorKind::DelayTooLong };
            assert_eq!(error.kind(), kind, "{error}");
            let retry_after = error.retry_after().map_or(0, |wait| wait.as_nanos());
            println!("refused {key} {retry_after} {wait}");
            thread::sleep(Duration::from_millis(50));
        }
    }
}

/// For how long all threads of this process together could have run and were not let, in nanoseconds, as far as the system
/// tells.
fn queued() -> u64 {
    let of = |told: String| told.split_whitespace().nth(1).and_then(|nanos| nanos.parse::<u64>().ok());
    let read = |task: PathBuf| std::fs::read_to_string(task.join("schedstat")).ok().and_then(of).unwrap_or(0);
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    tasks.map(|task| read(task.path())).sum()
}

#[test]
fn what_was_granted_and_not_started_is_void() {
    let done = read(
        "granted 10 0\ngranted 10 2\ngranted 20 1\nother\nstart 7-1 ann 2 10 0 0 10500 0 0\nstart 7-2 bob 1 20 0 0 20100 0 0\n",
    );
    let of = |call: &Call| (call.serial.clone(), call.start, call.counted, call.slack, call.weight);
    let calls: Vec<_> = done.calls.iter().map(of).collect();
    assert_eq!(calls, [("7-1".into(), 10_500, 10_000, 2000, 2), ("7-2".into(), 20_100, 20_000, 1000, 1)]);
    assert_eq!(done.voids, [10_000]);
}

#[test]
#[should_panic(expected = "nothing starts twice")]
fn what_starts_twice_is_found() {
    read("granted 10 0\nstart 7-1 ann 2 10 0 0 10500 0 0\nstart 7-2 ann 2 10 0 0 10500 0 0\n");
}
