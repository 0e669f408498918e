use std::collections::VecDeque;
use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::time::Duration;

use super::{MemoryStore, Store};
use crate::clock::{Clock, Sleep, Timestamp};
use crate::policy::Guarded;
use crate::rate::Rate;
use crate::store::ask::{Ask, Entry, Known, Part, Plan, Said, Verb};

/// Shows what it is told to, microseconds, and may play an ask on the store while it does.
#[derive(Debug, Default)]
struct Script {
    readings: Mutex<VecDeque<(u64, bool)>>,
    store: OnceLock<Weak<MemoryStore>>,
}

impl Clock for Script {
    fn now(&self) -> Timestamp {
        let (micros, plays) = self.readings.lock().unwrap().pop_front().expect("a reading is left");
        if plays {
            charge(&self.store.get().unwrap().upgrade().unwrap());
        }
        Timestamp::from_nanos(micros * 1000)
    }

    fn sleep_until(&self, _at: Timestamp) -> Sleep {
        unreachable!("nobody sleeps")
    }
}

/// When it was taken, as the store has it.
fn charge(store: &MemoryStore) -> u64 {
    let rates = [Guarded { rate: Rate::per_hour(9), guard: 0 }];
    let entry = Entry::of_key(&"api".into(), None);
    let part = Part { entry, plan: Arc::new(Plan::new(0, &rates, None)), known: Known::default() };
    let ask = Ask::of(vec![part], Verb::Charge { weight: 1 });
    match store.play(&[ask], Duration::ZERO).pop().unwrap().unwrap().0 {
        Said::Granted { now, .. } => now,
        said => panic!("{said:?}"),
    }
}

fn store(readings: &[(u64, bool)]) -> Arc<MemoryStore> {
    let clock = Arc::new(Script::default());
    clock.readings.lock().unwrap().extend(readings);
    let store = Arc::new(MemoryStore::new(Arc::clone(&clock)));
    clock.store.set(Arc::downgrade(&store)).unwrap();
    store
}

#[test]
fn whoever_is_overtaken_after_reading_the_clock_plays_at_the_newest_time() {
    // Read at 10, and before it plays another does at 20. Read again at 30, and another plays at 40.
    let store = store(&[(10, true), (20, false), (30, true), (40, false), (50, false)]);
    assert_eq!(charge(&store), 40);
    assert_eq!(charge(&store), 50);
}

#[test]
fn a_clock_that_was_put_back_is_believed_at_the_second_look() {
    let store = store(&[(100, false), (70, false), (71, false), (72, false), (72, false)]);
    let now: Vec<u64> = (0..4).map(|_| charge(&store)).collect();
    assert_eq!(now, [100, 71, 72, 72]);
}
