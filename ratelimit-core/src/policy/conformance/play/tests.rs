use std::sync::Arc;

use super::*;
use crate::policy::conformance::Kit;
use crate::policy::sliding_window::SlidingWindow;
use crate::sync::atomic::{AtomicU64, Ordering};

/// What is done to a window of nine, in words.
fn told(steps: &[Step]) -> Vec<String> {
    let fresh = || -> Box<dyn Policy> { Box::new(SlidingWindow::new(9, 99)) };
    let scale = Scale::of(&*fresh());
    let (mut played, mut log) = (Played::default(), Vec::new());
    let mut play = Play::new(&fresh, scale, Timestamp::ZERO, &mut played, &mut log).expect("a window");
    for step in steps {
        play.step(*step).expect("it keeps the laws");
    }
    log
}

#[test]
fn half_of_what_is_refunded_in_parts_is_refunded_by_itself() {
    let call = |refund, in_parts| Step::Take(Call { weight: 8, refund, in_parts });
    let ends = [Step::End(0); 2];
    let told = |call| told(&[&[call][..], &ends].concat());
    let begin = ["0 ns: fresh", "0 ns: 8 taken, of which 6 will be refunded"];
    let (half, rest) = ("0 ns: 3 of the 8 taken at 0 ns refunded", "0 ns: 3 of the 5 taken at 0 ns refunded");
    assert_eq!(told(call(Some(6), true)), [&begin[..], &[half, rest]].concat());
    let (whole, end) =
        ("0 ns: 6 of the 8 taken at 0 ns refunded", "0 ns: the call that took 2 at 0 ns ended");
    assert_eq!(told(call(Some(6), false)), [&begin[..], &[whole, end]].concat());
    let end = "0 ns: the call that took 8 at 0 ns ended";
    assert_eq!(told(call(None, false)), ["0 ns: fresh", "0 ns: 8 taken", end]);
}

/// So many nanoseconds at most that a server can ask for: longer pauses are as short.
const MOST: u64 = 500;

/// What is wrong with a [`Polite`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    None,
    /// Idle while the server still wants to be left alone.
    ForgetsThePause,
    /// A fork that hears of a pause tells all others.
    TellsForks,
    /// Asks again in the middle of a pause.
    LooksAgain,
}

/// Lets everything start but while the server asks to be left alone.
#[derive(Clone, Debug)]
struct Polite {
    fault: Fault,
    until: Timestamp,
    shared: Arc<AtomicU64>,
}

impl Polite {
    fn new(fault: Fault) -> Self {
        Polite { fault, until: Timestamp::ZERO, shared: Arc::default() }
    }

    fn until(&self) -> Timestamp {
        self.until.max(Timestamp::from_nanos(self.shared.load(Ordering::Relaxed)))
    }
}

impl Policy for Polite {
    fn earliest(&self, now: Timestamp, _weight: u32) -> Earliest {
        let until = self.until().max(now);
        let looks = self.fault == Fault::LooksAgain && until > now.plus(9);
        Earliest::At(if looks { now.plus(9) } else { until })
    }

    fn commit(&mut self, _now: Timestamp, _weight: u32) {}

    fn settle(&mut self, _start: Timestamp, now: Timestamp, _weight: u32, outcome: &Outcome) {
        let Outcome::Feedback(answer) = outcome else { return };
        let Some(wait) = answer.retry_after.filter(|_| answer.rejected) else { return };
        let until = now.plus(u64::try_from(wait.as_nanos()).unwrap_or(MOST).min(MOST));
        self.until = self.until.max(until);
        if self.fault == Fault::TellsForks {
            self.shared.fetch_max(until.as_nanos(), Ordering::Relaxed);
        }
    }

    fn idle_at(&self) -> Option<Timestamp> {
        let until = if self.fault == Fault::ForgetsThePause { Timestamp::ZERO } else { self.until() };
        (until < Timestamp::MAX).then_some(until)
    }

    fn fork(&self) -> Box<dyn Policy> {
        Box::new(self.clone())
    }
}

#[test]
fn a_policy_that_obeys_the_server_passes_and_slips_in_it_are_found() {
    let played = Kit::new().run(|| Polite::new(Fault::None));
    assert!(played.answers > 1_000 && played.refusals > 50, "{played:?}");
    for (fault, law) in [
        (Fault::ForgetsThePause, Law::IdleIsFresh),
        (Fault::TellsForks, Law::ForkIsItsOwn),
        (Fault::LooksAgain, Law::PromiseIsKept),
    ] {
        let broken = Kit::new().find(|| Polite::new(fault)).expect_err("it is broken");
        assert_eq!(broken.law(), law, "{fault:?}: {broken}");
        assert!(broken.steps().len() <= 3, "{broken}");
    }
}

/// What a call kept is all that the server has heard of.
#[test]
fn a_call_that_is_given_back_whole_is_not_answered() {
    let take = |refund| Step::Take(Call { weight: 8, refund, in_parts: false });
    let answered = |refund| told(&[take(refund), Step::Answer(3, 7)]).len() == 3;
    assert!(answered(None) && answered(Some(7)));
    assert!(!answered(Some(8)) && !answered(Some(9)));
}
