//! Plays the steps of a schedule.

use std::time::Duration;

use ratelimit_core::clock::Timestamp;
use ratelimit_core::{Pace, Permit};

use crate::common::{Dice, Task, ns};
use crate::schedule::{Limits, Op, Schedule, Step};
use crate::world::{Event, World};

impl World {
    /// Plays the first `count` steps of a schedule.
    pub(crate) fn replay(schedule: &Schedule, count: usize) -> Self {
        let mut world = World::new(&schedule.limits);
        for op in &schedule.ops[..count] {
            world.play(op, &mut Vec::new());
        }
        world
    }

    fn pick(&self, who: u64) -> Option<usize> {
        pick(&self.waiting(), who)
    }

    fn pick_held(&self, which: u64) -> Option<usize> {
        pick(&self.held(), which)
    }

    pub(crate) fn play(&mut self, op: &Op, events: &mut Vec<Event>) {
        match op {
            Op::Try { key, weight } => self.try_one(*key, *weight, events),
            Op::Wait { key, weight, allowance } => self.ask(*key, *weight, *allowance, events),
            Op::Poll { order, all: true } => self.poll_all(&mut Dice::new(*order), events),
            Op::Poll { order, all: false } => {
                let mut order = Dice::new(*order);
                let some: Vec<usize> = self.woken().into_iter().filter(|_| order.one_in(2)).collect();
                for id in some {
                    self.poll(id, events);
                }
            }
            Op::Touch { who } => self.pick(*who).into_iter().for_each(|id| self.poll(id, events)),
            Op::Cancel { who } => {
                if let Some(id) = self.pick(*who) {
                    self.drop_task(id, events);
                }
            }
            Op::Advance(step) => self.advance(*step, events),
            Op::Charge { key, weight } => {
                let permit = self.request(*key, *weight).charge().expect("it is open");
                self.permits.push(Some(permit));
                events.push(Event::Charged { key: *key, weight: *weight, start: self.permits.len() - 1 });
            }
            Op::Refund { which } => {
                if let Some(start) = self.pick_held(*which) {
                    self.permits[start].take().into_iter().for_each(Permit::refund);
                    events.push(Event::Refunded { start });
                }
            }
            Op::Correct { which, cost } => {
                if let Some(start) = self.pick_held(*which) {
                    self.permits[start].iter().for_each(|permit| permit.correct(*cost));
                    events.push(Event::Corrected { start, cost: *cost });
                }
            }
            Op::End { which } => {
                if let Some(start) = self.pick_held(*which) {
                    self.end(start, events);
                }
            }
            Op::Register { limits, keeps_own } => {
                let own = self.limits.own.filter(|_| *keeps_own);
                self.register(Limits { own, ..limits.clone() }, events);
            }
            Op::Amounts { seed } => {
                self.register(self.limits.clone().with_amounts(&mut Dice::new(*seed)), events);
            }
            _ => self.change(op, events),
        }
    }

    fn ask(&mut self, key: usize, weight: u32, allowance: u64, events: &mut Vec<Event>) {
        let forever = allowance == u64::MAX;
        let max_delay = if forever { Duration::MAX } else { ns(allowance) };
        let mut task = Task::new(self.request(key, weight).max_delay(max_delay).acquire_async());
        let ended = task.poll().map(|ended| self.ended(ended));
        let id = ended.is_none().then_some(self.tasks.len());
        if id.is_some() {
            self.tasks.push(Some(task));
        }
        events.push(Event::Asked { key, weight, allowance, id, ended });
    }

    fn advance(&mut self, step: Step, events: &mut Vec<Event>) {
        let to = match step {
            Step::By(span) => self.now().saturating_add(span),
            Step::Back(span) => return self.back_by(span, events),
            Step::Wake { before, after } => {
                let wake = self.clock.next_wake().map_or(self.now(), Timestamp::as_nanos);
                wake.saturating_add(after).saturating_sub(before)
            }
        };
        self.advance_to(to, events);
    }

    fn change(&mut self, op: &Op, events: &mut Vec<Event>) {
        events.push(match op {
            Op::Pause { span } => {
                self.bucket.pause(ns(*span)).expect("it is open");
                Event::Paused { span: *span }
            }
            Op::Pace { slow } => {
                self.registry.set_pace(if *slow { Pace::Slow } else { Pace::Normal });
                Event::Paced { slow: *slow }
            }
            Op::Reset { key } => {
                match key {
                    None => self.bucket.reset().expect("it is open"),
                    Some(key) => self.request(*key, 1).reset().expect("it is open"),
                }
                Event::Reset { key: *key }
            }
            Op::Peek { key, weight } => {
                let outlook = self.request(*key, *weight).peek().expect("it is open");
                Event::Peeked { key: *key, weight: *weight, outlook }
            }
            _ => unreachable!("played elsewhere"),
        });
    }
}

fn pick(ids: &[usize], which: u64) -> Option<usize> {
    let place = which.checked_rem(ids.len() as u64)?;
    ids.get(usize::try_from(place).expect("small")).copied()
}
