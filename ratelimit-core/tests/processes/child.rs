//! What one of the processes does.

use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use ratelimit_core::clock::{Clock, SystemClock};
use ratelimit_core::{Bucket, ErrorKind};

use crate::laws::Scene;
use crate::server::Client;
use crate::stores::{Place, TRIP};

/// What it is told by.
const PLACE: &str = "RATE_LIMITED_TEST_PLACE";
const SCENE: &str = "RATE_LIMITED_TEST_SCENE";
const SERVER: &str = "RATE_LIMITED_TEST_SERVER";

/// How long each of them calls.
const SPAN: Duration = Duration::from_secs(3);
/// The longest wait that they accept.
const ALLOWED: Duration = Duration::from_secs(2);
/// How many threads call in each.
const THREADS: usize = 3;

pub(crate) fn start(place: &Place, scene: Scene, server: SocketAddr) -> Child {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command.args(["--exact", "child::calls_for_a_while", "--ignored", "--nocapture"]);
    command.env(PLACE, place.to_string()).env(SCENE, scene.to_string()).env(SERVER, server.to_string());
    command.stdout(Stdio::piped()).spawn().expect("a process")
}

/// A call as one of them made it.
#[derive(Debug)]
pub(crate) struct Call {
    /// By the host's clock, nanoseconds.
    pub(crate) start: u64,
    /// By the store's, the same.
    pub(crate) counted: u64,
    pub(crate) key: String,
    pub(crate) weight: u64,
}

/// What one of them printed.
pub(crate) fn calls(child: Child) -> Vec<Call> {
    let output = child.wait_with_output().expect("its end");
    let text = String::from_utf8(output.stdout).expect("text");
    assert!(output.status.success(), "{text}");
    let call = |line: &str| {
        let mut words = line.strip_prefix("start ")?.split(' ');
        let mut word = || words.next().expect("a word").to_owned();
        let (start, counted, key, weight) = (word(), word(), word(), word());
        let number = |text: String| text.parse::<u64>().expect("a number");
        Some(Call { start: number(start), counted: 1000 * number(counted), key, weight: number(weight) })
    };
    text.lines().filter_map(call).collect()
}

#[test]
#[ignore = "runs in a process that another test starts"]
fn calls_for_a_while() {
    let Ok(place) = std::env::var(PLACE) else { return };
    let told = |name| std::env::var(name).expect("what another test says");
    let place: Place = place.parse().expect("a place");
    let scene: Scene = told(SCENE).parse().expect("a scene");
    let server: SocketAddr = told(SERVER).parse().expect("an address");
    let bucket = place.over(scene.bucket());
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
    let (key, weight) = scene.call(round);
    let asked = SystemClock.now();
    let request = bucket.request().key(key).weight(weight).max_delay(ALLOWED);
    match request.acquire() {
        Ok(permit) => {
            let now = SystemClock.now();
            client.get(&format!("/{key}/{weight}"));
            let took = now.saturating_since(asked);
            // Law 7: the allowance, a trip's time, and what a busy machine takes to wake a thread.
            assert!(took < ALLOWED + TRIP + Duration::from_millis(500), "{took:?}");
            assert!(permit.waited() <= ALLOWED + TRIP, "{permit:?}");
            let counted = permit.counted().expect("a store");
            println!("start {} {counted} {key} {weight}", now.as_nanos());
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
