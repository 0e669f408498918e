//! One schedule, played.

use super::ask::{self, Found, Promises, Scale, time};
use super::schedule::{Call, Edge, Random, Step};
use super::{Fresh, Law, Played};
use crate::feedback::Feedback;
use crate::policy::{Earliest, Outcome, Policy};
use crate::time::Timestamp;

/// How many steps an idle state is played on beside a fresh one.
const BESIDE: u64 = 8;

pub(super) struct Play<'a> {
    fresh: Fresh<'a>,
    scale: Scale,
    now: Timestamp,
    state: Box<dyn Policy>,
    /// The same without all that will be refunded.
    without: Box<dyn Policy>,
    /// Something was refunded and nothing given back for it, so that the state without it is no measure.
    keeps: bool,
    /// Calls that have not ended.
    running: Vec<(Timestamp, Call)>,
    played: &'a mut Played,
    log: &'a mut Vec<String>,
}

impl<'a> Play<'a> {
    pub(super) fn new(
        fresh: Fresh<'a>,
        scale: Scale,
        start: Timestamp,
        played: &'a mut Played,
        log: &'a mut Vec<String>,
    ) -> Result<Self, (Law, String)> {
        let (state, without) = (fresh(), fresh());
        let mut play =
            Play { fresh, scale, now: start, state, without, keeps: false, running: Vec::new(), played, log };
        play.note("fresh");
        play.look()?;
        Ok(play)
    }

    pub(super) fn step(&mut self, step: Step) -> Found {
        self.played.steps += 1;
        match step {
            Step::Wait(nanos) => self.wait_until(self.now.plus(nanos)),
            Step::WaitFor { weight, edge } => {
                let Earliest::At(time) = self.state.earliest(self.now, weight) else { return Ok(()) };
                let nanos = time.as_nanos();
                self.wait_until(Timestamp::from_nanos(match edge {
                    Edge::Before => nanos.saturating_sub(1),
                    Edge::At => nanos,
                    Edge::After => nanos.saturating_add(1),
                }));
            }
            Step::WaitUntilIdle(seed) => {
                let Some(idle) = self.state.idle_at() else { return Ok(()) };
                self.wait_until(idle);
                self.beside_a_fresh_one(seed)?;
            }
            Step::Take(call) => {
                if self.state.earliest(self.now, call.weight) > Earliest::At(self.now) {
                    self.played.refusals += 1;
                    return Ok(());
                }
                self.played.takes += 1;
                self.note(&format!("{} taken{}", call.weight, fate(call)));
                self.commit(call)?;
            }
            Step::Charge(call) => {
                self.played.charges += 1;
                self.note(&format!("{} charged{}", call.weight, fate(call)));
                self.commit(call)?;
            }
            Step::End(index) => {
                let Some(index) = index.checked_rem(self.running.len()) else { return Ok(()) };
                let (start, call) = self.running.remove(index);
                self.end(start, call)?;
            }
            Step::Answer(index, seed) => {
                let Some(index) = index.checked_rem(self.running.len()) else { return Ok(()) };
                let Some((start, call)) = self.running.get(index).copied() else { return Ok(()) };
                self.answer(start, call, Random::new(seed).feedback(self.scale))?;
            }
        }
        self.look()
    }

    fn note(&mut self, done: &str) {
        self.log.push(format!("{}: {done}", time(self.now)));
    }

    fn wait_until(&mut self, time: Timestamp) {
        self.now = self.now.max(time);
    }

    fn commit(&mut self, call: Call) -> Found {
        let before = self.state.fork();
        let promises = Promises::of(&*before, self.now, self.scale);
        self.state.commit(self.now, call.weight);
        promises.unchanged(&*before, self.scale, "when the state that it was forked from took something")?;
        self.change_a_fork()?;
        let states = (&*self.state, &*before);
        ask::no_earlier(states, self.now, self.scale, Law::CommitCounts, "without what was just taken")?;
        if call.kept() > 0 {
            self.without.commit(self.now, call.kept());
        }
        self.running.push((self.now, call));
        Ok(())
    }

    /// What is done to a fork does nothing to the state.
    fn change_a_fork(&self) -> Found {
        let promises = Promises::of(&*self.state, self.now, self.scale);
        let mut fork = self.state.fork();
        fork.commit(self.now, self.scale.heaviest);
        let answer = Feedback::default().rejected(true).limit(1).remaining(0);
        fork.settle(self.now, self.now, self.scale.heaviest, &Outcome::Feedback(answer));
        fork.settle(self.now, self.now, self.scale.heaviest, &Outcome::NoNews);
        promises.unchanged(&*self.state, self.scale, "when a fork of it took something")
    }

    fn end(&mut self, start: Timestamp, call: Call) -> Found {
        let part = call.refund.map(|given| if call.in_parts { given / 2 } else { given });
        let outcome = part.map_or(Outcome::NoNews, Outcome::Refund);
        let took = time(start);
        self.note(&match part {
            Some(given) => format!("{given} of the {} taken at {took} refunded", call.weight),
            None => format!("the call that took {} at {took} ended", call.weight),
        });
        let before = self.state.fork();
        let promises = Promises::of(&*before, self.now, self.scale);
        self.state.settle(start, self.now, call.weight, &outcome);
        promises.unchanged(&*before, self.scale, "when the state that it was forked from settled a call")?;
        promises.stay_possible(&*self.state, self.scale)?;
        let Some(given) = part else {
            // To the twin, a refunded call is one that took what was kept.
            self.without.settle(start, self.now, call.weight, &Outcome::NoNews);
            self.played.endings += 1;
            return Ok(());
        };
        self.keeps |= promises.unchanged(&*self.state, self.scale, "").is_ok();
        self.run_on(start, call, given);
        if self.running.iter().all(|(_, call)| call.refund.is_none()) {
            let states = (&*self.state, &*self.without);
            let names = "in a state that did not take what was refunded";
            let found = ask::no_earlier(states, self.now, self.scale, Law::RefundGivesNoMore, names);
            // A state that took more may admit something earlier than one that took less: a window opened sooner.
            if !std::mem::take(&mut self.keeps) || found.is_ok() {
                found?;
                self.played.refunds += 1;
            }
            self.without = self.state.fork();
        }
        Ok(())
    }

    /// The server answers a call; to the twin, too, but for one that never reached it.
    fn answer(&mut self, start: Timestamp, call: Call, answer: Feedback) -> Found {
        if call.kept() == 0 {
            return Ok(());
        }
        self.played.answers += 1;
        self.note(&format!("the server answered what took {} at {}: {answer:?}", call.weight, time(start)));
        let before = self.state.fork();
        let promises = Promises::of(&*before, self.now, self.scale);
        let outcome = Outcome::Feedback(answer);
        self.state.settle(start, self.now, call.weight, &outcome);
        promises.unchanged(&*before, self.scale, "when the state that it was forked from heard an answer")?;
        self.without.settle(start, self.now, call.kept(), &outcome);
        Ok(())
    }

    /// A call of which `given` was refunded runs on with what is left, unless that is nothing.
    fn run_on(&mut self, start: Timestamp, call: Call, given: u32) {
        let weight = call.weight.saturating_sub(given);
        let refund = call.refund.map(|all| all.saturating_sub(given)).filter(|_| call.in_parts);
        if weight > 0 {
            self.running.push((start, Call { weight, refund, in_parts: false }));
        }
    }

    /// The laws that hold at any time, of the state as it is.
    fn look(&self) -> Found {
        ask::questions(&*self.state, self.now, self.scale)?;
        let Some(idle) = self.state.idle_at() else { return Ok(()) };
        self.is_as_good(&*(self.fresh)(), &*self.state, idle.max(self.now))
    }

    fn is_as_good(&self, fresh: &dyn Policy, idle: &dyn Policy, now: Timestamp) -> Found {
        let names = "in a state that has been idle";
        ask::no_earlier((fresh, idle), now, self.scale, Law::IdleIsFresh, names)
    }

    /// Does the same to a fork, which is idle, and to a fresh state.
    fn beside_a_fresh_one(&mut self, seed: u64) -> Found {
        self.played.idle += 1;
        self.note("idle; what follows is done to a fresh state as well");
        let noted = self.log.len();
        let (mut fresh, mut idle) = ((self.fresh)(), self.state.fork());
        let (mut now, mut random) = (self.now, Random::new(seed));
        let mut running = None;
        for _ in 0..BESIDE {
            if random.below(3) == 0 {
                now = now.plus(random.wait(self.scale, false));
            }
            if let Some((start, weight)) = running.take().filter(|_| random.below(3) > 0) {
                let given = u32::try_from(random.below(u64::from(weight) + 1)).unwrap_or(0);
                let outcome = match random.below(3) {
                    0 => Outcome::NoNews,
                    1 => Outcome::Refund(given),
                    _ => Outcome::Feedback(random.feedback(self.scale)),
                };
                let (at, took) = (time(now), time(start));
                self.log.push(format!("{at}: to what was taken at {took} happened: {outcome:?}"));
                fresh.settle(start, now, weight, &outcome);
                idle.settle(start, now, weight, &outcome);
                // It runs on.
                running = matches!(outcome, Outcome::Feedback(_)).then_some((start, weight));
            } else {
                let weight = random.weight(self.scale, false);
                self.log.push(format!("{}: {weight} taken", time(now)));
                fresh.commit(now, weight);
                idle.commit(now, weight);
                running = Some((now, weight));
            }
            self.is_as_good(&*fresh, &*idle, now)?;
        }
        self.log.truncate(noted);
        Ok(())
    }
}

fn fate(call: Call) -> String {
    call.refund.map(|given| format!(", of which {given} will be refunded")).unwrap_or_default()
}

#[cfg(test)]
mod tests;
