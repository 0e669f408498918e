//! The kit itself: what keeps the promises passes, and of what does not the promise is named.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::lab::{here, pause};
use super::{Broken, Kit, Promise, TESTS};
use crate::store::ask::{Answer, Ask, Known, Verb};
use crate::store::{Failure, MemoryStore, Store};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    None,
    /// Every call takes some milliseconds, which is no fault.
    Slow,
    /// Each handle has a clock of its own.
    OwnClock,
    /// The clock stands still.
    Stopped,
    /// Between reading and writing it lets go of the lock.
    Races,
    /// Only the first entry of an ask is written.
    WritesHalf,
    /// Nothing is kept for longer than a quarter of a second.
    DropsEarly,
    /// How long is kept in 32 bits of milliseconds, of which one is the sign.
    KeepsShort,
    /// Asks that take a while are played once more.
    PlaysTwice,
    PlaysBackwards,
    /// The answers of a call, beginning with the second.
    AnswersOthers,
    LosesAnAnswer,
    /// Each handle reads what was there when the other wrote last but one.
    ReadsOld,
    ForgetsKnown,
    /// A state that cannot be read begins anew.
    Resets,
    /// One ask that fails fails all.
    FailsTogether,
    /// Failures are its own.
    TellsItsOwn,
    CutsNames,
    IgnoresCase,
    /// Refusals are taken, too.
    CountsRefusals,
    TakesItsTime,
    /// Among others, where it is given little time.
    Panics,
    NeverReserves,
    /// There is no room for what the server says.
    DropsWindows,
}

#[derive(Debug, Default)]
struct Shared {
    states: Mutex<HashMap<String, (Vec<u8>, u64)>>,
    old: Mutex<HashMap<String, Vec<u8>>>,
    handles: AtomicU64,
    last: AtomicU64,
}

#[derive(Debug)]
struct Faulty {
    fault: Fault,
    shared: Arc<Shared>,
    /// How many were opened before.
    index: u64,
}

impl Faulty {
    fn find(fault: Fault) -> Result<super::Played, Broken> {
        let shared = Arc::new(Shared::default());
        Kit::new().find(|| {
            let index = shared.handles.fetch_add(1, Ordering::SeqCst);
            Faulty { fault, shared: Arc::clone(&shared), index }
        })
    }

    fn now(&self) -> u64 {
        let now = here() / 1000 + 1_000_000_000_000;
        match self.fault {
            Fault::OwnClock => now + 50_000 * (self.index % 2),
            Fault::Stopped => 1_000_000_000_000,
            _ => self.shared.last.fetch_max(now, Ordering::SeqCst).max(now),
        }
    }

    fn name(&self, name: &str) -> String {
        match self.fault {
            Fault::CutsNames => name.chars().take(255).collect(),
            Fault::IgnoresCase => name.to_lowercase(),
            _ => name.to_owned(),
        }
    }

    fn keep_for(&self, said: Duration) -> u64 {
        let micros = u64::try_from(said.as_micros()).unwrap();
        match self.fault {
            Fault::DropsEarly => micros.min(250_000),
            Fault::KeepsShort if micros / 1000 >= 1 << 31 => 0,
            _ => micros,
        }
    }

    fn state_of(&self, name: &str, now: u64, states: &HashMap<String, (Vec<u8>, u64)>) -> Option<Vec<u8>> {
        let old = self.shared.old.lock().unwrap();
        let old = old.get(name).filter(|_| self.fault == Fault::ReadsOld && self.index.is_multiple_of(2));
        old.cloned()
            .or_else(|| states.get(name).filter(|(_, until)| *until > now).map(|(state, _)| state.clone()))
    }

    fn play_one(&self, ask: &Ask) -> Result<Answer, Failure> {
        let mut ask = ask.clone();
        match (self.fault, &mut ask.verb) {
            (Fault::ForgetsKnown, _) => ask.parts.iter_mut().for_each(|part| part.known = Known::default()),
            (Fault::NeverReserves, Verb::Acquire(acquire)) => acquire.reserves = false,
            _ => {}
        }
        let names: Vec<String> = ask.entries().map(|entry| self.name(&entry.to_string())).collect();
        let mut table = self.shared.states.lock().unwrap();
        let now = self.now();
        let states: Vec<Option<Vec<u8>>> =
            names.iter().map(|name| self.state_of(name, now, &table)).collect();
        if self.fault == Fault::Races {
            drop(table);
            std::thread::yield_now();
            pause(Duration::from_micros(50));
            table = self.shared.states.lock().unwrap();
        }
        let mut known: Vec<Option<&[u8]>> = states.iter().map(Option::as_deref).collect();
        let mut judged = ask.judge(Duration::from_micros(now), &known);
        if judged.is_err() && self.fault == Fault::Resets {
            known.fill(None);
            judged = ask.judge(Duration::from_micros(now), &known);
        }
        if self.fault == Fault::CountsRefusals && matches!(ask.verb, Verb::Acquire(_)) {
            let taken = judged.as_ref().is_ok_and(|judged| judged.writes().any(|write| write.is_some()));
            let charge = Ask { verb: Verb::Charge { weight: 1 }, ..ask.clone() };
            if let (false, Ok(charged)) = (taken, charge.judge(Duration::from_micros(now), &known)) {
                for (name, write) in names.iter().zip(charged.writes().flatten()) {
                    table.insert(name.clone(), (write.state().to_vec(), u64::MAX));
                }
            }
        }
        let judged = judged.map_err(|failure| match self.fault {
            Fault::TellsItsOwn => Failure::new(failure.to_string()),
            _ => failure,
        })?;
        let most = if self.fault == Fault::WritesHalf { 1 } else { usize::MAX };
        for (name, write) in names.into_iter().zip(judged.writes()).take(most) {
            let is_dropped = self.fault == Fault::DropsWindows && name.contains("/window:");
            if let Some(write) = write.filter(|_| !is_dropped) {
                let until = now + self.keep_for(write.keep_for());
                if let Some((old, _)) = table.insert(name.clone(), (write.state().to_vec(), until)) {
                    self.shared.old.lock().unwrap().insert(name, old);
                }
            }
        }
        Ok(judged.into_answer())
    }
}

impl Store for Faulty {
    fn play(&self, asks: &[Ask], timeout: Duration) -> Vec<Result<Answer, Failure>> {
        let mut answers: Vec<_> = match self.fault {
            Fault::PlaysBackwards => {
                let mut answers: Vec<_> = asks.iter().rev().map(|ask| self.play_one(ask)).collect();
                answers.reverse();
                answers
            }
            _ => asks.iter().map(|ask| self.play_one(ask)).collect(),
        };
        match self.fault {
            Fault::PlaysTwice if timeout < Duration::from_millis(1) => {
                for ask in asks {
                    drop(self.play_one(ask));
                }
            }
            Fault::AnswersOthers if !answers.is_empty() => answers.rotate_left(1),
            Fault::LosesAnAnswer if answers.len() > 1 => drop(answers.pop()),
            Fault::FailsTogether if answers.iter().any(Result::is_err) => {
                answers.fill_with(|| Err(Failure::new("one of them failed")));
            }
            Fault::Slow => pause(Duration::from_millis(3)),
            Fault::Panics if timeout == Duration::from_millis(50) => panic!("no time"),
            Fault::TakesItsTime => pause(Duration::from_millis(5_200)),
            _ => {}
        }
        answers
    }
}

#[test]
fn what_keeps_its_promises_passes() {
    let begin = here();
    let played = Faulty::find(Fault::None).expect("it keeps them");
    assert_eq!(played.tests, TESTS.len() as u64);
    assert!(played.asks > 2_000 && played.handles > 40, "{played:?}");
    let store = Arc::new(MemoryStore::default());
    let played = Kit::new().run(|| Arc::clone(&store));
    assert_eq!(played.tests, TESTS.len() as u64);
    println!("both in {} ms: {played:?}", (here() - begin) / 1_000_000);
    // The same names are not used again.
    Kit::new().run(|| Arc::clone(&store));
}

#[test]
fn the_promise_that_is_not_kept_is_named() {
    for (fault, promise) in [
        (Fault::OwnClock, Promise::OneTime),
        (Fault::Stopped, Promise::OneTime),
        (Fault::Races, Promise::OneAtATime),
        (Fault::WritesHalf, Promise::OneAtATime),
        (Fault::DropsEarly, Promise::KeptAsSaid),
        (Fault::KeepsShort, Promise::KeptAsSaid),
        (Fault::PlaysTwice, Promise::NothingTwice),
        (Fault::PlaysBackwards, Promise::InOrder),
        (Fault::AnswersOthers, Promise::InOrder),
        (Fault::LosesAnAnswer, Promise::InOrder),
        (Fault::ReadsOld, Promise::InOrder),
        (Fault::ForgetsKnown, Promise::AsJudged),
        (Fault::Resets, Promise::AsJudged),
        (Fault::FailsTogether, Promise::AsJudged),
        (Fault::TellsItsOwn, Promise::AsJudged),
        (Fault::CutsNames, Promise::AsJudged),
        (Fault::IgnoresCase, Promise::AsJudged),
        (Fault::CountsRefusals, Promise::AsJudged),
        (Fault::TakesItsTime, Promise::NoLonger),
        (Fault::Panics, Promise::NoLonger),
        (Fault::NeverReserves, Promise::AsJudged),
        (Fault::DropsWindows, Promise::AsJudged),
    ] {
        let broken = Faulty::find(fault).expect_err("it is found");
        println!("{fault:?}: {broken}");
        assert_eq!(broken.promise(), promise, "{fault:?}: {broken}");
    }
}

/// As over a network, or where each write waits for the disk.
#[test]
fn a_slow_store_passes_in_time() {
    let begin = here();
    Faulty::find(Fault::Slow).expect("it keeps its promises");
    println!("in {} ms", (here() - begin) / 1_000_000);
}

#[test]
fn the_message_names_promise_test_and_what_was_seen() {
    let broken = Faulty::find(Fault::PlaysTwice).expect_err("it is found");
    assert_eq!(broken.test(), "what was given too little time is played once at most");
    let told = broken.to_string();
    assert!(told.starts_with("promise 5, nothing twice: 48 charges of 1 were asked for, and ["), "{told}");
    assert!(
        told.ends_with("] is taken (test `what was given too little time is played once at most`)"),
        "{told}"
    );
    let shared = Arc::new(Shared::default());
    let open = || Faulty { fault: Fault::PlaysBackwards, shared: Arc::clone(&shared), index: 0 };
    let panic = catch_unwind(AssertUnwindSafe(|| Kit::new().run(open))).expect_err("it panics");
    assert!(panic.downcast_ref::<String>().unwrap().starts_with("promise 3, in order: "));
}

#[derive(Debug)]
struct Away(fn(&'static str) -> Failure);

impl Store for Away {
    fn play(&self, asks: &[Ask], _timeout: Duration) -> Vec<Result<Answer, Failure>> {
        vec![Err((self.0)("connection refused")); asks.len()]
    }
}

#[test]
fn of_a_store_that_is_not_there_no_promise_is_named() {
    let find = |failure| Kit::new().find(move || Away(failure)).expect_err("it answers nothing");
    let away = find(Failure::new);
    assert_eq!((away.promise(), away.test()), (Promise::Answers, "the store is reached"));
    assert_eq!(away.to_string(), "the store does not answer, so that nothing was tested: connection refused");
    assert_eq!(
        find(Failure::refused).to_string(),
        "the store refuses calls, so that nothing was tested: connection refused"
    );
}
