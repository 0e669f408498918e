//! Starts that a store has reserved for the callers of one key: taken there already, and each for its own time.
//!
//! They are the key's and no caller's: who is in front has the first of its kind. So when somebody leaves the line all
//! behind move up, and what is given back to the store is the last, behind which nobody else may stand.

use std::collections::VecDeque;

use super::Earliest;
use crate::key::Digest;
use crate::pace::Pace;
use crate::time::Timestamp;

/// The reserved starts of one key, and who wants how many.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reserved(Vec<Class>);

/// What somebody wants: a start of that weight, which counts in the server's window of that route, if in any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Want {
    pub(crate) weight: u32,
    pub(crate) route: Option<Digest>,
}

/// Those of one kind.
#[derive(Clone, Debug)]
struct Class {
    want: Want,
    /// How many wait.
    waiting: usize,
    /// How many starts are being asked for.
    asked: usize,
    /// By time.
    starts: VecDeque<Start>,
    /// When the first of them is over that is.
    until: Option<Timestamp>,
}

impl Class {
    fn insert(&mut self, start: Start) {
        let index = self.starts.partition_point(|known| known.at <= start.at);
        self.starts.insert(index, start);
        self.until = Some(self.until.map_or(start.until, |until| until.min(start.until)));
    }

    /// Some starts were taken out. As a rule others of the same answers are over as soon.
    fn were_removed(&mut self) {
        let is_first = |start: &Start| Some(start.until) == self.until;
        if !self.starts.iter().any(is_first) {
            self.until = self.starts.iter().map(|start| start.until).min();
        }
    }
}

/// A start that the store has counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Start {
    /// From when on.
    pub(crate) at: Timestamp,
    /// Until when: a later start would not be the one that was counted.
    pub(crate) until: Timestamp,
    pub(crate) counted: Counted,
}

/// How a store counts a start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counted {
    /// As of when, in its microseconds.
    pub(crate) at: u64,
    /// In which records: that of the key, and that of all keys together.
    pub(crate) born: [u32; 2],
    /// In which of the server's windows as well, if in any: there it weighs what it weighs.
    pub(crate) window: Option<OfRoute>,
    pub(crate) taken: Taken,
}

/// What a call takes in a store: at half speed twice its weight, as far as that can ever fit.
///
/// It is remembered with the start, as the pace and the limits may be others when it is given back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Taken {
    pub(crate) weight: u32,
    pub(crate) pace: Pace,
}

impl Taken {
    /// What a start of `weight` takes, where no more than `most` ever fits.
    pub(crate) fn by_start(weight: u32, pace: Pace, most: u32) -> Self {
        Taken { weight: weight.max(weight.saturating_mul(pace.divisor()).min(most)), pace }
    }

    /// What is charged, whatever fits.
    pub(crate) fn by_charge(weight: u32, pace: Pace) -> Self {
        Taken::by_start(weight, pace, u32::MAX)
    }

    /// What stays taken where the call turns out to weigh no more than `left`.
    pub(crate) fn but_for(self, left: u32) -> Self {
        Taken { weight: left.saturating_mul(self.pace.divisor()).min(self.weight), ..self }
    }
}

/// The window of a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OfRoute(pub(crate) Option<Digest>);

impl Reserved {
    fn class(&self, want: Want) -> Option<&Class> {
        self.0.iter().find(|class| class.want == want)
    }

    fn class_mut(&mut self, want: Want) -> &mut Class {
        let known = self.0.iter().position(|class| class.want == want);
        let index = known.unwrap_or_else(|| {
            self.0.push(Class { want, waiting: 0, asked: 0, starts: VecDeque::new(), until: None });
            self.0.len() - 1
        });
        #[expect(clippy::indexing_slicing, reason = "found or put there above")]
        &mut self.0[index]
    }

    /// Nobody wants any, none is there and none is to come.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.iter().all(|class| class.waiting + class.asked + class.starts.len() == 0)
    }

    /// When the first of that kind may be used.
    pub(crate) fn earliest(&self, now: Timestamp, want: Want) -> Earliest {
        let mut starts = self.class(want).into_iter().flat_map(|class| &class.starts);
        match starts.find(|start| start.until >= now) {
            Some(start) => Earliest::At(start.at.max(now)),
            None => Earliest::WhenSettled,
        }
    }

    /// Uses the first of that kind: how the store counts it. `None` if there is none any more.
    pub(crate) fn take(&mut self, now: Timestamp, want: Want) -> Option<Counted> {
        let class = self.class_mut(want);
        let index = class.starts.iter().position(|start| start.until >= now)?;
        let taken = class.starts.remove(index);
        class.were_removed();
        taken.map(|start| start.counted)
    }

    /// One more wants a start of that kind.
    pub(crate) fn come(&mut self, want: Want) {
        self.class_mut(want).waiting += 1;
    }

    /// One less does.
    pub(crate) fn go(&mut self, want: Want) {
        let class = self.class_mut(want);
        debug_assert!(class.waiting > 0, "who goes has come");
        class.waiting = class.waiting.saturating_sub(1);
        self.tidy();
    }

    /// Whether fewer starts of that kind are there or asked for than are wanted.
    pub(crate) fn lacks(&self, want: Want) -> bool {
        self.class(want).is_some_and(|class| class.starts.len() + class.asked < class.waiting)
    }

    /// Whether that is so of any.
    pub(crate) fn lacks_any(&self) -> bool {
        self.0.iter().any(|class| class.starts.len() + class.asked < class.waiting)
    }

    /// Whether more starts are there than anybody wants.
    pub(crate) fn has_more(&self) -> bool {
        self.0.iter().any(|class| class.starts.len() > class.waiting)
    }

    /// Whether all that are there may be used now.
    pub(crate) fn are_due(&self, now: Timestamp) -> bool {
        self.0.iter().filter_map(|class| class.starts.back()).all(|last| last.at <= now)
    }

    /// How many starts of that kind are there.
    pub(crate) fn starts(&self, want: Want) -> usize {
        self.class(want).map_or(0, |class| class.starts.len())
    }

    /// When the first of all starts is over.
    pub(crate) fn first_over(&self) -> Option<Timestamp> {
        self.0.iter().filter_map(|class| class.until).min().map(|until| until.plus(1))
    }

    /// One is asked for.
    pub(crate) fn ask(&mut self, want: Want) {
        self.class_mut(want).asked += 1;
    }

    /// It was answered, with a start or without.
    pub(crate) fn answered(&mut self, want: Want, start: Option<Start>) {
        let class = self.class_mut(want);
        debug_assert!(class.asked > 0, "nothing is answered that was not asked");
        class.asked = class.asked.saturating_sub(1);
        if let Some(start) = start {
            class.insert(start);
        }
        self.tidy();
    }

    /// Takes out what is over, and what is more than is wanted: to be given back.
    pub(crate) fn give_back(&mut self, now: Timestamp) -> Vec<(u32, Counted)> {
        let mut back = Vec::new();
        for class in &mut self.0 {
            let weight = class.want.weight;
            // A later start may be over sooner: its answer was longer on its way.
            let over = class.starts.iter().filter(|start| start.until < now);
            back.extend(over.map(|start| (weight, start.counted)));
            class.starts.retain(|start| start.until >= now);
            while class.starts.len() > class.waiting {
                back.extend(class.starts.pop_back().map(|start| (weight, start.counted)));
            }
            class.were_removed();
        }
        self.tidy();
        back
    }

    /// Takes out everything; what is being asked for is still to come.
    pub(crate) fn forget_starts(&mut self) -> Vec<(u32, Counted)> {
        let starts = self.0.iter_mut().flat_map(|class| {
            let weight = class.want.weight;
            class.until = None;
            class.starts.drain(..).map(move |start| (weight, start.counted))
        });
        starts.collect()
    }

    /// Takes out everything, and nothing is to come: only who waits stays.
    pub(crate) fn forget(&mut self) -> Vec<(u32, Counted)> {
        let starts = self.forget_starts();
        self.0.iter_mut().for_each(|class| class.asked = 0);
        self.tidy();
        starts
    }

    fn tidy(&mut self) {
        self.0.retain(|class| class.waiting + class.asked + class.starts.len() > 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dice::Dice;

    fn counted(at: u64) -> Counted {
        Counted { at, ..Counted::default() }
    }

    fn start(at: u64, until: u64) -> Start {
        Start { at: Timestamp::from_nanos(at), until: Timestamp::from_nanos(until), counted: counted(at) }
    }

    /// Nothing is left that is over: whoever gives back until nothing is over would not come to an end.
    #[test]
    fn a_start_that_is_over_before_an_earlier_one_is_given_back() {
        let mut reserved = Reserved::default();
        for start in [start(10, 90), start(20, 50)] {
            let want = Want { weight: 1, route: None };
            reserved.come(want);
            reserved.ask(want);
            reserved.answered(want, Some(start));
        }
        let now = Timestamp::from_nanos(51);
        assert_eq!(reserved.first_over(), Some(now));
        assert_eq!(reserved.give_back(now), [(1, counted(20))]);
        assert_eq!(reserved.first_over(), Some(Timestamp::from_nanos(91)));
    }

    /// However starts come and go.
    #[test]
    fn the_first_that_is_over_is_known() {
        for seed in 0..200 {
            let mut dice = Dice::new(seed);
            let mut reserved = Reserved::default();
            let wants = [1, 2].map(|weight| Want { weight, route: None });
            let mut waiting = [0_usize; 2];
            for _ in 0..60 {
                let which = usize::from(dice.one_in(3));
                let (want, now) = (wants[which], Timestamp::from_nanos(dice.below(60)));
                match dice.below(6) {
                    0..3 => {
                        reserved.come(want);
                        reserved.ask(want);
                        waiting[which] += 1;
                        let at = dice.below(100);
                        reserved.answered(want, Some(start(at, at + dice.below(40))));
                    }
                    3 => drop(reserved.take(now, want)),
                    4 if waiting[which] > 0 => {
                        reserved.go(want);
                        waiting[which] -= 1;
                    }
                    _ if dice.one_in(20) => drop(reserved.forget_starts()),
                    _ => drop(reserved.give_back(now)),
                }
                let starts = reserved.0.iter().flat_map(|class| &class.starts);
                let first = starts.map(|start| start.until.plus(1)).min();
                assert_eq!(reserved.first_over(), first, "seed {seed}");
            }
        }
    }
}
