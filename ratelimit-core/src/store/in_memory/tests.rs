use std::collections::VecDeque;
use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::time::Duration;

use super::{MemoryStore, Store};
use crate::clock::{Clock, ManualClock, Sleep, Timestamp};
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

/// Of that entry, by one rate.
fn part(entry: Entry, rate: Rate) -> Part {
    let plan = Plan::new(0, &[Guarded { rate, guard: 0 }], None);
    Part { entry, plan: Arc::new(plan), known: Known::default() }
}

/// When it was taken, as the store has it.
fn charge(store: &MemoryStore) -> u64 {
    let part = part(Entry::of_key(&"api".into(), None), Rate::per_hour(9));
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

/// Charges the entry of that number, and `total` with it; each bucket has one key.
fn charge_both(store: &MemoryStore, number: u32, rate: Rate) {
    let bucket = number.to_string().into();
    let parts = vec![part(Entry::of_key(&bucket, None), rate), part(Entry::total(&bucket), rate)];
    let answers = store.play(&[Ask::of(parts, Verb::Charge { weight: 1 })], Duration::ZERO);
    assert!(answers.iter().all(Result::is_ok));
}

#[test]
fn what_is_over_is_forgotten_by_whatever_steps_states_grow_more() {
    let clock = ManualClock::new();
    let store = MemoryStore::new(clock.clone());
    charge(&store);
    // Two more each time, and an odd number of them.
    for number in 0..20_000 {
        charge_both(&store, number, Rate::per_second(1));
        clock.advance(Duration::from_secs(10));
        let len = store.lock().states.len();
        assert!(len <= 1_026, "{len} states after {number}, and 3 that count");
    }
}

#[test]
fn states_that_count_are_not_looked_at_in_each_call() {
    let store = MemoryStore::new(ManualClock::new());
    for number in 0..512 {
        charge_both(&store, number, Rate::per_hour(1));
    }
    let mut table = store.lock();
    assert_eq!((table.states.len(), table.look_at), (1_024, 2_048));
    // One is over behind the store's back: nobody looks for it until there are twice as many.
    table.states.values_mut().next().unwrap().until = Timestamp::ZERO;
    drop(table);
    for _ in 0..3 {
        charge_both(&store, 0, Rate::per_hour(1));
    }
    assert_eq!(store.lock().states.values().filter(|kept| kept.until == Timestamp::ZERO).count(), 1);
}
