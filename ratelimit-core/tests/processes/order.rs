//! Order between processes that share a store: a start is reserved where all of them look.

use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStdout, Stdio};
use std::time::Duration;

use ratelimit_core::{Bucket, Rate};

use crate::child::{self, PLACE};
use crate::lateness;
use crate::machine::{in_real_time, must};
use crate::redis_server::RedisServer;
use crate::stores::Place;
use crate::temporary;

/// So many stand in line, each of them a process.
const CALLERS: usize = 4;
/// How far apart they start: a window, and its guard.
const RATE: Rate = Rate::new(1, Duration::from_millis(280));
const GUARD: Duration = Duration::from_millis(120);
const APART: u64 = 400_000_000;
const TRIES: usize = 5;

/// By which the process is told the bucket.
const BUCKET: &str = "RATE_LIMITED_TEST_BUCKET";

/// A process that stands in line, and what it prints.
struct Caller {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Caller {
    /// Comes back as the store has reserved a start for it.
    fn come(place: &Place, bucket: &str) -> Self {
        let mut command = child::again("order::stands_in_line");
        command.env(PLACE, place.to_string()).env(BUCKET, bucket);
        let mut child = command.stdout(Stdio::piped()).spawn().expect("a process");
        let lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let mut caller = Caller { child, lines };
        caller.line("granted ");
        caller
    }

    /// What the first line says that begins so.
    fn line(&mut self, begin: &str) -> Vec<u64> {
        let mut lines = self.lines.by_ref().map(|line| line.expect("text"));
        let line = lines.find_map(|line| line.strip_prefix(begin).map(str::to_owned)).expect("what it says");
        line.split(' ').map(|word| word.parse().expect("a number")).collect()
    }

    /// When the store counts its start, and when it was made; `None` where it was woken too late for the one that was
    /// reserved, and had to stand in line once more.
    fn start(mut self) -> Option<(u64, u64)> {
        let [counted, made, granted] = self.line("start ")[..] else { unreachable!("three numbers") };
        assert!(
            self.lines.by_ref().all(|line| line.is_ok()) && self.child.wait().expect("its end").success()
        );
        (granted == 1).then_some((1000 * counted, made))
    }
}

/// The starts of those who came one after the other; `None` where that tells nothing, as somebody was late.
fn starts(place: &Place, attempt: usize) -> Option<Vec<(u64, u64)>> {
    let bucket = format!("order {attempt}");
    let callers: Vec<Caller> = (0..CALLERS).map(|_| Caller::come(place, &bucket)).collect();
    let all_have_come = lateness::now();
    let starts: Option<Vec<_>> = callers.into_iter().map(Caller::start).collect();
    // Those in the middle have waited in front of others.
    starts.filter(|starts| starts[1].0 > all_have_come)
}

fn keep_their_order(place: &Place) {
    let starts =
        (0..TRIES).find_map(|attempt| starts(place, attempt)).expect("a machine that does not stand still");
    for pair in starts.windows(2) {
        let [(one, made), (other, made_after)] = *pair else { unreachable!("a pair") };
        must(one + APART < other, || format!("{starts:?}"));
        assert!(made < made_after, "{starts:?}");
    }
}

#[test]
#[ignore = "runs in a process that another test starts"]
fn stands_in_line() {
    let Ok(place) = std::env::var(PLACE) else { return };
    let place: Place = place.parse().expect("a place");
    let bucket = Bucket::named(std::env::var(BUCKET).expect("its name"), RATE).guard(GUARD);
    let (bucket, granted) = place.over_and_counted(bucket);
    let permit = bucket.request().max_delay(Duration::from_secs(10)).acquire().expect("there is time");
    let made = lateness::now();
    println!("start {} {made} {}", permit.counted().expect("a store"), granted());
}

#[test]
fn who_shares_a_store_starts_as_it_has_come_over_sqlite() {
    in_real_time(|| {
        let dir = tempfile::tempdir_in(temporary::place()).expect("a directory");
        keep_their_order(&Place::File(dir.path().join("limits.db")));
    });
}

#[test]
fn who_shares_a_store_starts_as_it_has_come_over_redis() {
    in_real_time(|| {
        if let Some(server) = RedisServer::start() {
            keep_their_order(&Place::Server(server.url()));
        }
    });
}
