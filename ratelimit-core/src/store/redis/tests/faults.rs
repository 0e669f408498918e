//! What lies between the store and its server goes wrong.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use super::*;
use crate::rate::Rate;

const PASS: u8 = 0;
/// The connection ends before anything of it reaches the server.
const CUT_BEFORE: u8 = 1;
/// It ends once the server has replied, and nothing of that comes back.
const CUT_AFTER: u8 = 2;
/// Half of the reply comes back.
const CUT_WITHIN: u8 = 3;

/// A way to a server that does as it is told.
#[derive(Debug)]
struct Way {
    port: u16,
    mode: Arc<AtomicU8>,
    /// How long replies take, in milliseconds.
    delay: Arc<AtomicU64>,
}

impl Way {
    fn to(server: &RedisServer) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let way =
            Way { port: listener.local_addr().unwrap().port(), mode: Arc::default(), delay: Arc::default() };
        let (mode, delay, there) = (Arc::clone(&way.mode), Arc::clone(&way.delay), server.port());
        thread::spawn(move || {
            for here in listener.incoming().flatten() {
                let (mode, delay) = (Arc::clone(&mode), Arc::clone(&delay));
                thread::spawn(move || _ = carry(&here, there, &mode, &delay));
            }
        });
        way
    }
}

/// Carries what comes, one exchange after the other.
fn carry(mut here: &TcpStream, port: u16, mode: &AtomicU8, delay: &AtomicU64) -> std::io::Result<()> {
    let mut there = TcpStream::connect(("127.0.0.1", port))?;
    let mut bytes = vec![0; 1 << 16];
    loop {
        let asked = here.read(&mut bytes)?;
        let mode = mode.load(Ordering::SeqCst);
        if asked == 0 || mode == CUT_BEFORE {
            return here.shutdown(Shutdown::Both);
        }
        there.write_all(&bytes[..asked])?;
        let replied = there.read(&mut bytes)?;
        thread::sleep(Duration::from_millis(delay.load(Ordering::SeqCst)));
        let passed = match mode {
            PASS => replied,
            CUT_WITHIN => replied / 2,
            _ => 0,
        };
        here.write_all(&bytes[..passed])?;
        if passed < replied {
            return here.shutdown(Shutdown::Both);
        }
    }
}

/// Never anything but the common case, so that what is asked is one trip.
fn hourly() -> Arc<Plan> {
    plan(&[Guarded { rate: Rate::per_hour(1).burst(1000), guard: 0 }])
}

fn acquire(plan: &Arc<Plan>) -> Ask {
    let acquire = Acquire { weight: 1, after: 0, slack: 0, allowance: 0, reserves: true };
    Ask::of(vec![part("api", None, plan)], Verb::Acquire(acquire))
}

fn used(store: &RedisStore, plan: &Arc<Plan>) -> u32 {
    let peek = Ask::of(vec![part("api", None, plan)], Verb::Peek { weight: 1 });
    match store.play(&[peek], Duration::from_secs(10)).pop().unwrap() {
        Ok(Answer(Said::Outlook(seen))) => seen[0].rates[0].used,
        other => panic!("{other:?}"),
    }
}

/// What was sent is not sent again, whatever became of it, and the next call goes on.
#[test]
fn a_connection_that_ends_costs_at_most_what_was_asked_on_it() {
    let Some(server) = RedisServer::start() else { return };
    let (way, plan) = (Way::to(&server), hourly());
    let store = RedisStore::connect(&format!("redis://127.0.0.1:{}", way.port)).unwrap();
    let trip = || store.play(&[acquire(&plan)], Duration::from_secs(10)).pop().unwrap();
    assert!(trip().is_ok());
    let mut expected = 1;
    for _ in 0..5 {
        for (mode, is_played) in [(CUT_BEFORE, 0), (CUT_AFTER, 1), (CUT_WITHIN, 1)] {
            way.mode.store(mode, Ordering::SeqCst);
            let why = trip().unwrap_err().to_string();
            assert!(why.contains("the connection was lost"), "{why}");
            way.mode.store(PASS, Ordering::SeqCst);
            expected += is_played;
            assert_eq!(used(&store, &plan), expected, "after {mode}");
            assert!(trip().is_ok());
            expected += 1;
        }
    }
    assert_eq!(used(&store, &plan), expected);
}

#[test]
fn a_slow_way_is_waited_for_as_long_as_there_is_time() {
    let Some(server) = RedisServer::start() else { return };
    let (way, plan) = (Way::to(&server), hourly());
    let store = RedisStore::connect(&format!("redis://127.0.0.1:{}", way.port)).unwrap();
    let trip = |millis| store.play(&[acquire(&plan)], Duration::from_millis(millis)).pop().unwrap();
    for delay in [1, 10, 100] {
        way.delay.store(delay, Ordering::SeqCst);
        assert!(trip(10_000).is_ok(), "{delay} ms");
    }
    way.delay.store(5000, Ordering::SeqCst);
    let begin = Instant::now();
    let why = trip(250).unwrap_err().to_string();
    assert!(why.ends_with("the server did not answer within 250ms"), "{why}");
    assert!(begin.elapsed() < Duration::from_secs(3), "long before the answer");
    way.delay.store(0, Ordering::SeqCst);
    // The answer that comes late is nobody's: it is not taken for the next one.
    for _ in 0..3 {
        assert!(trip(10_000).is_ok());
    }
    assert_eq!(used(&store, &plan), 3 + 1 + 3);
}
