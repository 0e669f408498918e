//! What lies between the store and its server goes wrong.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Barrier;
use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use super::machine::{in_real_time, must};
use super::redis_server::wait_until;
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
    orders: Arc<Orders>,
}

#[derive(Debug, Default)]
struct Orders {
    mode: AtomicU8,
    /// How long replies take, in milliseconds.
    delay: AtomicU64,
    /// How many connections came this way, and how many replies took their time.
    connections: AtomicUsize,
    delayed: AtomicUsize,
}

impl Way {
    fn to(server: &RedisServer) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let way = Way { port: listener.local_addr().unwrap().port(), orders: Arc::default() };
        let (orders, there) = (Arc::clone(&way.orders), server.port());
        thread::spawn(move || {
            for here in listener.incoming().flatten() {
                orders.connections.fetch_add(1, Ordering::SeqCst);
                let orders = Arc::clone(&orders);
                thread::spawn(move || _ = carry(&here, there, &orders));
            }
        });
        way
    }

    fn store(&self) -> RedisStore {
        RedisStore::connect(&format!("redis://127.0.0.1:{}", self.port)).unwrap()
    }

    fn set(&self, mode: u8) {
        self.orders.mode.store(mode, Ordering::SeqCst);
    }

    fn delay(&self, millis: u64) {
        self.orders.delay.store(millis, Ordering::SeqCst);
    }

    fn connections(&self) -> usize {
        self.orders.connections.load(Ordering::SeqCst)
    }
}

/// Carries what comes, one exchange after the other.
fn carry(mut here: &TcpStream, port: u16, orders: &Orders) -> std::io::Result<()> {
    let mut there = TcpStream::connect(("127.0.0.1", port))?;
    let mut bytes = vec![0; 1 << 16];
    loop {
        let asked = here.read(&mut bytes)?;
        let mode = orders.mode.load(Ordering::SeqCst);
        if asked == 0 || mode == CUT_BEFORE {
            return here.shutdown(Shutdown::Both);
        }
        there.write_all(&bytes[..asked])?;
        let replied = there.read(&mut bytes)?;
        let delay = orders.delay.load(Ordering::SeqCst);
        orders.delayed.fetch_add(usize::from(delay > 0), Ordering::SeqCst);
        thread::sleep(Duration::from_millis(delay));
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
    in_real_time(|| {
        let Some(server) = RedisServer::start() else { return };
        let (way, plan) = (Way::to(&server), hourly());
        let store = way.store();
        let trip = || store.play(&[acquire(&plan)], Duration::from_secs(10)).pop().unwrap();
        assert!(trip().is_ok());
        let mut expected = 1;
        for _ in 0..5 {
            for (mode, is_played) in [(CUT_BEFORE, 0), (CUT_AFTER, 1), (CUT_WITHIN, 1)] {
                way.set(mode);
                let why = trip().unwrap_err().to_string();
                assert!(why.contains("the connection was lost"), "{why}");
                way.set(PASS);
                expected += is_played;
                let used = used(&store, &plan);
                must(used == expected, || format!("{used}, not {expected}, after {mode}"));
                assert!(trip().is_ok());
                expected += 1;
            }
        }
        let used = used(&store, &plan);
        must(used == expected, || format!("{used}, not {expected}"));
    });
}

#[test]
fn a_slow_way_is_waited_for_as_long_as_there_is_time() {
    in_real_time(|| {
        let Some(server) = RedisServer::start() else { return };
        let (way, plan) = (Way::to(&server), hourly());
        let store = way.store();
        let trip = |millis| store.play(&[acquire(&plan)], Duration::from_millis(millis)).pop().unwrap();
        for delay in [1, 10, 100] {
            way.delay(delay);
            assert!(trip(10_000).is_ok(), "{delay} ms");
        }
        way.delay(60_000);
        let begin = Instant::now();
        let why = trip(250).unwrap_err().to_string();
        assert!(why.ends_with("the server did not answer within 250ms"), "{why}");
        assert!(begin.elapsed() < Duration::from_secs(30), "long before the answer");
        way.delay(0);
        // The answer that comes late is nobody's: it is not taken for the next one.
        for _ in 0..3 {
            assert!(trip(10_000).is_ok());
        }
        let used = used(&store, &plan);
        // The one without an answer may not have been sent where the machine stood still.
        must(used == 6 || used == 7, || format!("{used}"));
        assert_eq!(used, 3 + 1 + 3);
    });
}

/// Connecting takes a while here, as a user has to be told: all of them wait for each other, and none fails.
#[test]
fn many_callers_at_once_are_all_served() {
    in_real_time(|| {
        const CALLERS: usize = 40;
        let Some(server) = RedisServer::start() else { return };
        server.run::<String>("ACL SETUSER limiter on >secret ~* +@all");
        let (way, plan) = (Way::to(&server), hourly());
        way.delay(30);
        let store = RedisStore::connect(&format!("redis://limiter:secret@127.0.0.1:{}", way.port)).unwrap();
        let together = Barrier::new(CALLERS);
        let call = || -> Vec<_> {
            let calls = (0..5).map(|_| {
                together.wait();
                store.play(&[acquire(&plan)], Duration::from_secs(10)).pop().unwrap()
            });
            calls.collect()
        };
        let answers: Vec<_> = thread::scope(|scope| {
            let callers: Vec<_> = (0..CALLERS).map(|_| scope.spawn(call)).collect();
            callers.into_iter().flat_map(|caller| caller.join().unwrap()).collect()
        });
        for answer in &answers {
            assert!(answer.is_ok(), "{answer:?}");
        }
        let used = used(&store, &plan);
        must(used == 200, || format!("{used}"));
        assert!(way.connections() <= CALLERS, "{} connections for {CALLERS} callers", way.connections());
    });
}

/// What was used since is known to work: to connect anew would only make a slow server slower.
#[test]
fn who_waits_in_vain_costs_the_others_no_connection() {
    in_real_time(|| {
        let Some(server) = RedisServer::start() else { return };
        let (way, plan) = (Way::to(&server), hourly());
        let store = way.store();
        let trip = |millis| store.play(&[acquire(&plan)], Duration::from_millis(millis)).pop().unwrap();
        thread::scope(|scope| {
            way.delay(3_000);
            let in_vain = scope.spawn(|| trip(1_000));
            wait_until(|| way.orders.delayed.load(Ordering::SeqCst) == 1);
            way.delay(0);
            assert!(trip(10_000).is_ok());
            assert_eq!(way.connections(), 2);
            assert!(in_vain.join().unwrap().is_err());
        });
        assert!(trip(10_000).is_ok());
        assert_eq!(way.connections(), 2, "the one that works is used again");
    });
}
