//! Programs whose clocks are off by hours, against the one of their store.
#![expect(clippy::disallowed_methods, clippy::expect_used, reason = "a store has a clock of its own")]

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use ratelimit_core::store::{Answer, Ask, Entry, Failure, OnOutage, Store};
use ratelimit_core::{Bucket, Rate, RateOutlook};

use crate::machine::in_real_time;

/// A store on another machine, whose clock shows so many seconds more than here.
#[derive(Debug)]
struct Elsewhere {
    ahead: i64,
    states: Mutex<HashMap<Entry, Vec<u8>>>,
    is_off: AtomicBool,
}

impl Elsewhere {
    fn new(ahead: i64) -> Arc<Self> {
        Arc::new(Elsewhere { ahead, states: Mutex::default(), is_off: AtomicBool::new(false) })
    }

    fn now(&self) -> Duration {
        let here = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
        let seconds = here.as_secs().saturating_add_signed(self.ahead);
        Duration::new(seconds, here.subsec_nanos())
    }
}

impl Store for Elsewhere {
    fn play(&self, asks: &[Ask], _timeout: Duration) -> Vec<Result<Answer, Failure>> {
        if self.is_off.load(Ordering::Relaxed) {
            return vec![Err(Failure::new("switched off")); asks.len()];
        }
        let mut table = self.states.lock().expect("nobody panics with it");
        let play = |ask: &Ask| {
            let states: Vec<Option<&[u8]>> =
                ask.entries().map(|entry| table.get(entry).map(Vec::as_slice)).collect();
            let judged = ask.judge(self.now(), &states)?;
            for (entry, written) in ask.entries().zip(judged.writes()) {
                if let Some(written) = written {
                    table.insert(entry.clone(), written.state().to_vec());
                }
            }
            Ok(judged.into_answer())
        };
        asks.iter().map(play).collect()
    }
}

/// By two hours: what counts for an hour would be over, or still to come.
const AHEAD: [i64; 3] = [7200, -7200, 0];

fn used(bucket: &Bucket) -> u32 {
    bucket.peek().expect("a store that answers").rates().iter().map(RateOutlook::used).sum()
}

fn start(bucket: &Bucket, calls: usize) -> usize {
    // After a slow trip a start counts as later than now, and others wait for that.
    let call = || bucket.request().max_delay(Duration::from_secs(2)).acquire();
    (0..calls).filter(|_| call().is_ok()).count()
}

#[test]
fn whatever_a_programs_clock_shows_its_calls_count_as_others() {
    for ahead in AHEAD {
        let store = Elsewhere::new(ahead);
        let declared = || Bucket::named("api", Rate::per_hour(20)).store(Arc::clone(&store));
        let (one, other) = (declared(), declared());
        assert_eq!([start(&one, 12), start(&other, 30)], [12, 8]);
        // What it puts back counts as it did.
        store.states.lock().expect("nobody panics with it").clear();
        assert_eq!(start(&one, 30), 8);
        assert_eq!(start(&other, 30), 0);
        assert_eq!(used(&one), 28);
    }
}

/// It has never seen the store's time, and has gone by its own.
#[test]
fn what_began_without_the_store_counts_from_when_it_was() {
    in_real_time(|| {
        for ahead in AHEAD {
            for manner in [OnOutage::Allow, OnOutage::Local { share: 0.5 }] {
                let store = Elsewhere::new(ahead);
                let declared = || {
                    let bucket = Bucket::named("api", Rate::per_hour(20)).store(Arc::clone(&store));
                    bucket.on_outage(manner)
                };
                let (one, other) = (declared(), declared());
                store.is_off.store(true, Ordering::Relaxed);
                assert_eq!(start(&one, 7), 7);
                store.is_off.store(false, Ordering::Relaxed);
                let begin = Instant::now();
                while used(&other) < 7 {
                    assert!(begin.elapsed() < Duration::from_secs(2), "{ahead} {manner:?}: {}", used(&other));
                    let _ = one.peek();
                    thread::sleep(Duration::from_millis(5));
                }
                assert_eq!([start(&one, 9), start(&other, 30)], [9, 4], "{ahead} {manner:?}");
            }
        }
    });
}
