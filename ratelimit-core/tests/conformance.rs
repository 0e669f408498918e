//! The conformance kit finds what is broken and says which law it is.
//!
//! One policy that keeps the laws, and variants of it that each break one of them, as policies do that somebody wrote
//! in a hurry: several of the mistakes are those of limiters that were published.

#![expect(
    clippy::panic,
    reason = "a policy that keeps the laws, or a broken one that is not found, ends the test"
)]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use ratelimit_core::clock::Timestamp;
use ratelimit_core::policy::conformance::{Kit, Law, Violation};
use ratelimit_core::policy::{Earliest, Outcome, Policy};

const AMOUNT: u64 = 4;
const WINDOW: u64 = 100;

/// What is wrong with a [`Window`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    None,
    /// Questions are taken for attempts, and attempts count.
    CountsQuestions,
    /// Says since when it has been possible.
    AnswersThePast,
    /// Only at certain times of day.
    OpensAndCloses,
    /// Sees a start only from the next nanosecond on.
    CountsLate,
    /// Waits end one nanosecond too early.
    PromisesTooEarly,
    /// Proposes to ask again in a while.
    AsksToAskAgain,
    /// Great weights are let through for half their price.
    DiscountsTheHeavy,
    /// Says never for what does not fit now.
    GivesUp,
    /// Lets through what is heavier than it may ever be.
    LetsGiantsIn,
    /// What is taken beyond the amount makes it begin anew.
    ForgetsWhenOverdrawn,
    /// Forks share the log.
    SharesItsLog,
    /// A fork begins with an empty log.
    ForksAreFresh,
    /// Gives back all that was taken, whatever is said.
    RefundsAll,
    /// Gives back what was taken last, as if nothing had been taken since.
    RefundsTheNewest,
    /// Gives back the whole of a call once in its life.
    RefundsAllOfItOnce,
    /// A settled call without news makes room at once.
    ForgetsWhatEnded,
    /// A settled call without news counts from then on.
    CountsAgainAtTheEnd,
    /// Idle as soon as the first start is forgotten.
    IdleTooEarly,
    /// What is taken first costs nothing, which a state that was used before does not grant again.
    FirstIsFree,
    /// Adds without a thought of the end of time.
    Overflows,
}

/// A sliding window that searches its whole log.
#[derive(Debug)]
struct Window {
    fault: Fault,
    log: Arc<Mutex<Vec<(u64, u64)>>>,
    questions: AtomicU64,
    is_fresh: bool,
    has_refunded: bool,
}

impl Window {
    fn new(fault: Fault) -> Self {
        Window {
            fault,
            log: Arc::default(),
            questions: AtomicU64::new(0),
            is_fresh: true,
            has_refunded: false,
        }
    }

    fn with_log<R>(&self, with: impl FnOnce(&mut Vec<(u64, u64)>) -> R) -> R {
        with(&mut self.log.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn free(&self, start: u64) -> u64 {
        if self.fault == Fault::Overflows {
            start.checked_add(WINDOW + 1).unwrap_or_else(|| panic!("beyond the end of time"))
        } else {
            start.saturating_add(WINDOW + 1)
        }
    }

    fn used(&self, now: u64) -> u64 {
        let late = self.fault == Fault::CountsLate;
        self.with_log(|log| {
            let counting =
                log.iter().filter(|(start, _)| self.free(*start) > now && !(late && *start == now));
            counting.map(|(_, weight)| weight).sum()
        })
    }

    fn fits(&self, now: u64, weight: u64) -> bool {
        let asked = self.questions.fetch_add(1, Ordering::Relaxed);
        let asked = if self.fault == Fault::CountsQuestions { asked / 20 } else { 0 };
        self.used(now) + weight + asked <= AMOUNT
    }
}

impl Policy for Window {
    fn earliest(&self, now: Timestamp, weight: u32) -> Earliest {
        let (now, mut weight) = (now.as_nanos(), u64::from(weight));
        if weight > AMOUNT && !(self.fault == Fault::LetsGiantsIn && weight > 1_000_000) {
            return Earliest::Never;
        }
        if self.fault == Fault::DiscountsTheHeavy && weight == AMOUNT {
            weight /= 2;
        }
        let frees = self.with_log(|log| log.iter().map(|(start, _)| self.free(*start)).collect::<Vec<_>>());
        let first = std::iter::once(now).chain(frees.into_iter().filter(|free| *free > now));
        let Some(at) = first.filter(|time| self.fits(*time, weight.min(AMOUNT))).min() else {
            return Earliest::Never;
        };
        let at = match self.fault {
            Fault::AnswersThePast if at == now => now.saturating_sub(1),
            Fault::OpensAndCloses if at % 1_000 > 500 => at / 1_000 * 1_000 + 1_000,
            Fault::PromisesTooEarly if at > now + 1 => at - 1,
            Fault::AsksToAskAgain if at > now + 10 => now + 10,
            Fault::GivesUp if at > now => return Earliest::Never,
            _ => at,
        };
        Earliest::At(Timestamp::from_nanos(at))
    }

    fn commit(&mut self, now: Timestamp, weight: u32) {
        assert_ne!(weight, 0, "no call takes nothing");
        if std::mem::take(&mut self.is_fresh) && self.fault == Fault::FirstIsFree {
            return;
        }
        let overdrawn = self.used(now.as_nanos()) + u64::from(weight) > AMOUNT;
        let forgets = self.fault == Fault::ForgetsWhenOverdrawn && overdrawn;
        self.with_log(|log| {
            log.retain(|(start, _)| !forgets && self.free(*start) > now.as_nanos());
            log.push((now.as_nanos(), u64::from(weight)));
        });
    }

    fn settle(&mut self, start: Timestamp, now: Timestamp, weight: u32, outcome: &Outcome) {
        assert_ne!(weight, 0, "no call took nothing");
        if *outcome == Outcome::Refund(weight) && self.fault == Fault::RefundsAllOfItOnce {
            if self.has_refunded {
                return;
            }
            self.has_refunded = true;
        }
        let (fault, weight) = (self.fault, u64::from(weight));
        self.with_log(|log| {
            let mut mine =
                log.iter_mut().filter(|(time, logged)| *time == start.as_nanos() && *logged == weight);
            match (outcome, fault) {
                (Outcome::Refund(_), Fault::RefundsAll) => {
                    let Some((_, logged)) = mine.next() else { return };
                    *logged -= weight;
                }
                (Outcome::Refund(given), Fault::RefundsTheNewest) => {
                    let Some((_, newest)) = log.last_mut() else { return };
                    *newest -= (*newest).min(weight).min(u64::from(*given));
                }
                (Outcome::Refund(given), _) => {
                    let Some((_, logged)) = mine.next() else { return };
                    *logged -= weight.min(u64::from(*given));
                }
                (Outcome::NoNews, Fault::ForgetsWhatEnded) => {
                    let Some((_, logged)) = mine.next() else { return };
                    *logged = 0;
                }
                (Outcome::NoNews, Fault::CountsAgainAtTheEnd) => log.push((now.as_nanos(), 1)),
                _ => {}
            }
        });
    }

    fn idle_at(&self) -> Option<Timestamp> {
        let starts = self.with_log(|log| log.iter().map(|(start, _)| self.free(*start)).collect::<Vec<_>>());
        let idle = if self.fault == Fault::IdleTooEarly { starts.iter().min() } else { starts.iter().max() };
        // What starts at the end of time is never forgotten.
        let idle = idle.copied().unwrap_or(0);
        (idle < u64::MAX).then_some(Timestamp::from_nanos(idle))
    }

    fn fork(&self) -> Box<dyn Policy> {
        let log = match self.fault {
            Fault::SharesItsLog => Arc::clone(&self.log),
            Fault::ForksAreFresh => Arc::default(),
            _ => Arc::new(Mutex::new(self.with_log(|log| log.clone()))),
        };
        let questions = AtomicU64::new(self.questions.load(Ordering::Relaxed));
        let Window { fault, is_fresh, has_refunded, .. } = *self;
        Box::new(Window { fault, log, questions, is_fresh, has_refunded })
    }
}

/// What is wrong with a [`Running`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Slip {
    #[default]
    None,
    /// Gives back twice.
    FreesTwice,
    /// Takes a call for ended of which a part was given back, and makes room again as it ends.
    RefundsAreEnds,
    /// Of what is given back after a first part it takes as much as was given back then for given back again.
    ForgetsParts,
}

/// So many at once, each until it ends: nothing is known of when.
#[derive(Clone, Debug, Default)]
struct Running {
    weight: u64,
    slip: Slip,
    /// What was given back of calls that still run, by when they started.
    parts: Vec<(Timestamp, u64)>,
}

impl Running {
    fn new(slip: Slip) -> Self {
        Running { slip, ..Running::default() }
    }

    /// What was given back before of the call that started then, now and `given` more.
    fn again(&mut self, start: Timestamp, given: u64) -> u64 {
        let before = self.parts.iter().filter(|(of, _)| *of == start).map(|(_, given)| given).sum();
        self.parts.push((start, given));
        before
    }
}

impl Policy for Running {
    fn earliest(&self, now: Timestamp, weight: u32) -> Earliest {
        let weight = u64::from(weight);
        if weight > AMOUNT {
            Earliest::Never
        } else if self.weight + weight > AMOUNT {
            Earliest::WhenSettled
        } else {
            Earliest::At(now)
        }
    }

    fn commit(&mut self, _now: Timestamp, weight: u32) {
        self.weight += u64::from(weight);
    }

    fn settle(&mut self, start: Timestamp, _now: Timestamp, weight: u32, outcome: &Outcome) {
        let weight = u64::from(weight);
        let given = match outcome {
            Outcome::Refund(given) => weight.min(u64::from(*given)),
            Outcome::NoNews => weight,
            _ => return,
        };
        let free = match self.slip {
            Slip::None => given,
            Slip::FreesTwice => given * 2,
            Slip::RefundsAreEnds => weight,
            Slip::ForgetsParts => given + self.again(start, given),
        };
        self.weight = self.weight.saturating_sub(free);
    }

    fn idle_at(&self) -> Option<Timestamp> {
        (self.weight == 0).then_some(Timestamp::ZERO)
    }

    fn fork(&self) -> Box<dyn Policy> {
        Box::new(self.clone())
    }
}

fn broken(fault: Fault) -> Violation {
    match Kit::new().find(|| Window::new(fault)) {
        Err(violation) => violation,
        Ok(played) => panic!("{fault:?} was not found in {played:?}"),
    }
}

#[test]
fn what_keeps_the_laws_passes() {
    let played = Kit::new().run(|| Window::new(Fault::None));
    assert_eq!(played.schedules, 3_000);
    assert!(played.refunds > 1_000 && played.idle > 1_000, "{played:?}");
    assert!(played.takes > 1_000 && played.refusals > 1_000, "{played:?}");
    assert!(played.charges > 1_000 && played.endings > 1_000, "{played:?}");
}

#[test]
fn each_broken_law_is_named() {
    for (fault, law) in [
        (Fault::CountsQuestions, Law::AskingChangesNothing),
        (Fault::AnswersThePast, Law::NotBeforeNow),
        (Fault::OpensAndCloses, Law::StaysPossible),
        (Fault::CountsLate, Law::StaysPossible),
        (Fault::PromisesTooEarly, Law::PromiseIsKept),
        (Fault::AsksToAskAgain, Law::PromiseIsKept),
        (Fault::DiscountsTheHeavy, Law::HeavierIsNoEarlier),
        (Fault::GivesUp, Law::NeverIsForEver),
        (Fault::LetsGiantsIn, Law::NeverIsForEver),
        (Fault::ForgetsWhenOverdrawn, Law::CommitCounts),
        (Fault::SharesItsLog, Law::ForkIsItsOwn),
        (Fault::ForksAreFresh, Law::ForkIsItsOwn),
        (Fault::RefundsAll, Law::RefundGivesNoMore),
        (Fault::RefundsTheNewest, Law::RefundGivesNoMore),
        (Fault::RefundsAllOfItOnce, Law::IdleIsFresh),
        (Fault::CountsAgainAtTheEnd, Law::StaysPossible),
        (Fault::IdleTooEarly, Law::IdleIsFresh),
        (Fault::FirstIsFree, Law::IdleIsFresh),
        (Fault::Overflows, Law::NoPanic),
    ] {
        let violation = broken(fault);
        println!("{fault:?}: {violation}\n");
        assert_eq!(violation.law(), law, "{fault:?}: {violation}");
    }
}

/// What makes room as calls end is no fault as far as the laws go: such policies are wanted, and this is one.
#[test]
fn the_kit_does_not_know_what_is_meant() {
    Kit::new().run(|| Window::new(Fault::ForgetsWhatEnded));
}

#[test]
fn a_policy_that_does_not_know_when_passes() {
    let played = Kit::new().run(Running::default);
    assert!(played.refunds > 1_000 && played.refusals > 1_000, "{played:?}");
    for slip in [Slip::FreesTwice, Slip::RefundsAreEnds, Slip::ForgetsParts] {
        let broken = Kit::new().find(|| Running::new(slip)).expect_err("it gives back too much");
        println!("{slip:?}: {broken}\n");
        assert_eq!(broken.law(), Law::RefundGivesNoMore, "{slip:?}");
    }
}

#[test]
fn what_is_found_is_short_and_can_be_played_again() {
    for fault in
        [Fault::CountsLate, Fault::RefundsTheNewest, Fault::IdleTooEarly, Fault::ForgetsWhenOverdrawn]
    {
        let violation = broken(fault);
        assert!(violation.steps().len() <= 6, "{violation}");
        let again = Kit::new().seed(violation.seed()).schedules(1).find(|| Window::new(fault));
        assert_eq!(again.unwrap_err(), violation);
    }
}

#[test]
fn the_panic_names_the_law_the_seed_and_the_steps() {
    let panic = catch_unwind(AssertUnwindSafe(|| Kit::new().run(|| Window::new(Fault::RefundsAll))));
    let message = panic.unwrap_err().downcast::<String>().unwrap();
    let violation = broken(Fault::RefundsAll);
    assert_eq!(*message, violation.to_string());
    let replay = format!("play it again: Kit::new().seed({}).schedules(1)", violation.seed());
    let law = "law 9, a refund gives back at most what was taken: weight";
    for part in [law, ", of which ", " will be refunded\n", " taken at ", " ns: fresh", &replay] {
        assert!(message.contains(part), "{part}: {message}");
    }
}

#[test]
fn what_a_policy_panics_with_is_told() {
    let message = broken(Fault::Overflows).to_string();
    assert!(message.starts_with("law 11, no panic: beyond the end of time\n"), "{message}");
}

/// Promises the past if the first call it sees weighs more than one; if that weighed one, gives up at the next that
/// weighs more.
#[derive(Clone, Debug, Default)]
struct TwoMistakes(Vec<u32>);

impl Policy for TwoMistakes {
    fn earliest(&self, now: Timestamp, _weight: u32) -> Earliest {
        match *self.0 {
            [2..=u32::MAX, ..] => Earliest::At(Timestamp::from_nanos(now.as_nanos().saturating_sub(1))),
            [1, 2..=u32::MAX, ..] if now.as_nanos() % 2 == 1 => Earliest::Never,
            _ => Earliest::At(now),
        }
    }

    fn commit(&mut self, _now: Timestamp, weight: u32) {
        self.0.push(weight);
    }

    fn settle(&mut self, _start: Timestamp, _now: Timestamp, _weight: u32, _outcome: &Outcome) {}

    fn idle_at(&self) -> Option<Timestamp> {
        None
    }

    fn fork(&self) -> Box<dyn Policy> {
        Box::new(self.clone())
    }
}

/// Without its first step a schedule may break another law; then that step is needed for the one that was broken.
#[test]
fn what_is_left_out_does_not_change_the_law_that_is_broken() {
    let found = |seed| Kit::new().seed(seed).schedules(1).find(TwoMistakes::default);
    let laws: Vec<_> =
        (0..400).filter_map(|seed| found(seed).err()).map(|violation| violation.law()).collect();
    for law in [Law::CommitCounts, Law::NeverIsForEver] {
        assert!(laws.contains(&law), "{law} is not among {laws:?}");
    }
}

/// However long a schedule was, only steps are told that the law is not broken without.
#[test]
fn what_is_found_in_long_schedules_is_as_short() {
    for (fault, most) in [
        (Fault::CountsLate, 2),
        (Fault::PromisesTooEarly, 2),
        (Fault::RefundsAll, 3),
        (Fault::ForgetsWhenOverdrawn, 4),
    ] {
        let violation = Kit::new().steps(60).find(|| Window::new(fault)).expect_err("it is broken");
        let steps = violation.steps();
        assert!((2..=most).contains(&steps.len()), "{fault:?}: {violation}");
        let told = format!("after these steps:\n    {}\n", steps.join("\n    "));
        assert!(violation.to_string().contains(&told), "{told} in {violation}");
    }
}

#[test]
fn as_many_schedules_and_steps_are_played_as_are_wanted() {
    let played = Kit::new().schedules(7).steps(1).run(|| Window::new(Fault::None));
    assert_eq!((played.schedules, played.steps), (7, 7));
    let played = Kit::new().seed(5).schedules(200).steps(3).run(|| Window::new(Fault::None));
    assert!(played.schedules == 200 && (201..600).contains(&played.steps), "{played:?}");
    assert_eq!(Kit::new().schedules(0).run(|| Window::new(Fault::Overflows)).schedules, 0);
}
