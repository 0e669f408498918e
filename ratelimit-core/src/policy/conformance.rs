//! The conformance kit: plays random schedules on a [`Policy`] and looks for one that breaks a law.
//!
//! Every law that stands on [`Policy`] is looked at after every step of every schedule, by questions alone: what a
//! state answers, what its forks and twins answer, and whether that fits together. So the kit needs to know nothing of
//! the algorithm, and cannot tell whether it is the one that was meant: that wants tests of its own.
//!
//! Randomness is twelve lines of the kit's own (`SplitMix64`: Steele, Lea, Flood, "Fast splittable pseudorandom number
//! generators", 2014), as a dependency of everybody who tests a policy would be dearer.
//!
//! # Examples
//!
//! ```
//! use rate_limited::policy::{LeakyBucket, conformance};
//!
//! conformance::Kit::new().run(|| LeakyBucket::new(10.0, 5.0));
//! ```

mod ask;
#[cfg(test)]
mod builtins;
mod play;
mod schedule;

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::Policy;
use ask::Scale;
use play::Play;
use schedule::Schedule;

/// A law of [`Policy`], in the order in which they stand there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Law {
    /// Asking changes nothing.
    AskingChangesNothing,
    /// `earliest` is never before the time it is asked at.
    NotBeforeNow,
    /// Once possible, it stays possible until the next commit.
    StaysPossible,
    /// What is promised for a time is refused up to then and possible from then on.
    PromiseIsKept,
    /// A greater weight is never possible before a smaller one.
    HeavierIsNoEarlier,
    /// What is never possible stays so, and so is all that is heavier.
    NeverIsForEver,
    /// After a commit nothing is possible earlier than without it.
    CommitCounts,
    /// A fork answers as the state it was taken of, and what is done to either does nothing to the other.
    ForkIsItsOwn,
    /// A refund gives back at most what was taken.
    RefundGivesNoMore,
    /// A fresh state in place of one that is idle would admit no more.
    IdleIsFresh,
    /// No time and no weight makes it panic.
    NoPanic,
}

impl Law {
    /// The law in a few words, with its number.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Law::AskingChangesNothing => "law 1, asking changes nothing",
            Law::NotBeforeNow => "law 2, not before now",
            Law::StaysPossible => "law 3, once possible, it stays possible",
            Law::PromiseIsKept => "law 4, a promise is kept",
            Law::HeavierIsNoEarlier => "law 5, heavier is no earlier",
            Law::NeverIsForEver => "law 6, never is for ever",
            Law::CommitCounts => "law 7, a commit counts from its moment",
            Law::ForkIsItsOwn => "law 8, a fork is a state of its own",
            Law::RefundGivesNoMore => "law 9, a refund gives back at most what was taken",
            Law::IdleIsFresh => "law 10, idle means as good as fresh",
            Law::NoPanic => "law 11, no panic",
        }
    }
}

impl fmt::Display for Law {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What was played, so that a test can see to it that nothing was left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Played {
    /// Schedules.
    pub schedules: u64,
    /// Their steps.
    pub steps: u64,
    /// Weights taken that were possible.
    pub takes: u64,
    /// Weights not taken, as they were not possible.
    pub refusals: u64,
    /// Weights taken unasked.
    pub charges: u64,
    /// Calls that ended without news.
    pub endings: u64,
    /// Answers of a server that were told.
    pub answers: u64,
    /// Refunds after which a state was compared with one that did not take what was refunded.
    pub refunds: u64,
    /// States that were played on beside a fresh one from the time on from which they were idle.
    pub idle: u64,
}

/// A schedule that breaks a law, made short.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    law: Law,
    seed: u64,
    said: String,
    steps: Vec<String>,
}

impl Violation {
    /// The law that is broken.
    #[must_use]
    pub fn law(&self) -> Law {
        self.law
    }

    /// The seed of the schedule: [`Kit::seed`] with it and one schedule play it again.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// What was done, in words, without what could be left out.
    #[must_use]
    pub fn steps(&self) -> &[String] {
        &self.steps
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {}", self.law, self.said)?;
        writeln!(f, "after these steps:")?;
        for step in &self.steps {
            writeln!(f, "    {step}")?;
        }
        write!(f, "play it again: Kit::new().seed({}).schedules(1)", self.seed)
    }
}

impl std::error::Error for Violation {}

/// How much is played, and from which seed on.
///
/// # Examples
///
/// ```
/// use rate_limited::policy::LeakyBucket;
/// use rate_limited::policy::conformance::Kit;
///
/// let played = Kit::new().seed(17).schedules(100).run(|| LeakyBucket::new(10.0, 5.0).fixed_factor());
/// assert_eq!(played.schedules, 100);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Kit {
    seed: u64,
    schedules: u64,
    steps: usize,
}

impl Default for Kit {
    fn default() -> Self {
        Kit::new()
    }
}

impl Kit {
    /// 3,000 schedules of up to 20 steps, the same each time.
    #[must_use]
    pub fn new() -> Self {
        Kit { seed: 0, schedules: 3_000, steps: 20 }
    }

    /// The seed of the first schedule; each further one has the next.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// How many schedules are played.
    #[must_use]
    pub fn schedules(mut self, schedules: u64) -> Self {
        self.schedules = schedules;
        self
    }

    /// How many steps a schedule has at most.
    #[must_use]
    pub fn steps(mut self, steps: usize) -> Self {
        self.steps = steps;
        self
    }

    /// Plays on states that `fresh` makes, all alike.
    ///
    /// # Panics
    ///
    /// If a law is broken: the message names the law, what was answered, the seed, and the steps.
    pub fn run<P: Policy>(self, fresh: impl Fn() -> P) -> Played {
        match self.find(fresh) {
            Ok(played) => played,
            #[expect(clippy::panic, reason = "a test's assertion")]
            Err(violation) => panic!("{violation}"),
        }
    }

    /// As [`run`](Self::run), and gives back the first schedule that breaks a law.
    pub fn find<P: Policy>(self, fresh: impl Fn() -> P) -> Result<Played, Violation> {
        let fresh = || -> Box<dyn Policy> { Box::new(fresh()) };
        let scale = catch_unwind(AssertUnwindSafe(|| Scale::of(&*fresh()))).unwrap_or_default();
        let mut played = Played::default();
        for seed in (0..self.schedules).map(|index| self.seed.wrapping_add(index)) {
            let schedule = Schedule::random(seed, self.steps, scale);
            if let Err(broken) = play(&fresh, scale, &schedule, &mut played) {
                return Err(shortest(&fresh, scale, schedule, broken).named(seed));
            }
            played.schedules += 1;
        }
        Ok(played)
    }
}

type Fresh<'a> = &'a dyn Fn() -> Box<dyn Policy>;

/// A law that a schedule broke.
struct Broken {
    law: Law,
    said: String,
    /// How many steps were begun.
    begun: usize,
    log: Vec<String>,
}

impl Broken {
    fn named(self, seed: u64) -> Violation {
        Violation { law: self.law, seed, said: self.said, steps: self.log }
    }
}

fn play(fresh: Fresh<'_>, scale: Scale, schedule: &Schedule, played: &mut Played) -> Result<(), Broken> {
    let mut log = Vec::new();
    let mut begun = 0;
    let all = AssertUnwindSafe(|| {
        let mut play = Play::new(fresh, scale, schedule.start, played, &mut log)?;
        for step in &schedule.steps {
            begun += 1;
            play.step(*step)?;
        }
        Ok(())
    });
    let (law, said) = match catch_unwind(all) {
        Ok(Ok(())) => return Ok(()),
        Ok(Err(broken)) => broken,
        Err(panic) => (Law::NoPanic, message(&*panic).to_owned()),
    };
    Err(Broken { law, said, begun, log })
}

fn message(panic: &dyn std::any::Any) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("it panicked")
}

/// Leaves out whatever the same law is broken without.
fn shortest(fresh: Fresh<'_>, scale: Scale, mut schedule: Schedule, mut broken: Broken) -> Broken {
    let mut unused = Played::default();
    schedule.steps.truncate(broken.begun);
    if broken.law == Law::NoPanic {
        // Each try would print its panic.
        return broken;
    }
    let mut index = 0;
    while index < schedule.steps.len() {
        let mut shorter = schedule.clone();
        shorter.steps.remove(index);
        match play(fresh, scale, &shorter, &mut unused) {
            Err(other) if other.law == broken.law => {
                shorter.steps.truncate(other.begun);
                (schedule, broken) = (shorter, other);
                index = 0;
            }
            _ => index += 1,
        }
    }
    broken
}
