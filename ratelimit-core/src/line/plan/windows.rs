//! Plans where a bucket learns: of those who wait for several windows on one key, who is ready first starts first.

use std::collections::VecDeque;

use super::{Plan, Step};
use crate::line::due::Due;
use crate::line::learning::WindowId;
use crate::line::state::{Reading, State};
use crate::line::{GRACE, KeyId, Line, Ticket, Waiter};
use crate::policy::learned::Learned;
use crate::policy::own;
use crate::policy::reserved::Want;
use crate::time::Timestamp;

/// Those who wait for one window, and what is known of it once those before them have started.
struct Queue<'a> {
    id: WindowId,
    known: Learned,
    waiters: VecDeque<(Ticket, &'a Waiter)>,
}

impl Queue<'_> {
    /// Who is first, and when its window lets it start.
    fn first(&self, time: Timestamp) -> Option<(Ticket, Due)> {
        let (ticket, waiter) = self.waiters.front()?;
        Some((*ticket, Due::by_server(self.known.earliest(time, waiter.weight))))
    }
}

impl State {
    /// When a newcomer to the line of `key` would start that waits for a window.
    pub(super) fn due_behind_windows(&self, key: KeyId, id: WindowId, reading: Reading, weight: u32) -> Due {
        let line = self.lines.get(&key);
        let mut firsts = line.into_iter().flat_map(Line::firsts);
        if let Some((.., first)) = firsts.find(|(window, ..)| *window == id) {
            let due = self.due_by_window(key, id, reading.now, first);
            if due.is_unknown {
                return due;
            }
        }
        let newcomer = Waiter::newcomer(weight, id, reading.now);
        let waiting = line.into_iter().flat_map(Line::active);
        let mut due = Due::UNKNOWN;
        self.walk_windows(key, reading, waiting.chain([(&Ticket::MAX, &newcomer)]), |ticket, at| {
            if ticket != Ticket::MAX {
                return Step::Count;
            }
            due = at;
            Step::Stop
        });
        due
    }

    /// Walks the line in the order in which its waiters start, each as soon as its window and the key's rates let it.
    pub(super) fn walk_windows<'a>(
        &self,
        key: KeyId,
        reading: Reading,
        waiters: impl Iterator<Item = (&'a Ticket, &'a Waiter)>,
        mut step: impl FnMut(Ticket, Due) -> Step,
    ) -> Plan {
        let mut plan = self.empty_plan(key, reading);
        let mut queues = self.queues(key, waiters);
        let mut time = plan.last.at.unwrap_or(reading.now);
        // When the last of them starts, whatever the others' windows let them do until then.
        let mut started = plan.last;
        while let Some((index, by_window)) = next_of(&mut queues, &mut time, &mut step) {
            let Some(queue) = queues.get_mut(index) else { break };
            let Some((ticket, waiter)) = queue.waiters.front().copied() else { break };
            plan.last = Due::at(time, started.and(by_window).holder);
            let due = self.due_after(&plan, waiter.want());
            if let Some(at) = sooner(&queues, ticket, time, due) {
                // Somebody who came before it is ready before the rates let this one start.
                time = at;
                continue;
            }
            if due.is_unknown {
                // Whoever is ready stands behind it.
                tell_all(queues, due, &mut step);
                break;
            }
            let step = step(ticket, due);
            let Some(queue) = queues.get_mut(index) else { break };
            queue.waiters.pop_front();
            match step {
                Step::Stop => break,
                Step::Skip => continue,
                Step::Count => {}
            }
            let last_chance = waiter.deadline.plus(GRACE);
            match due.at.filter(|_| due.is_by(last_chance, reading)) {
                Some(at) if self.plan_start(&mut plan, due, waiter.want()) => {
                    queue.known.commit(at, waiter.weight);
                    time = at;
                }
                // It will be refused, and those behind it stand until then.
                _ => time = time.max(last_chance.plus(1)),
            }
            started = Due::at(time, plan.last.holder);
        }
        own::set_aside();
        plan
    }

    /// Counts a start; `false` if the user's policy panicked.
    fn plan_start(&self, plan: &mut Plan, due: Due, want: Want) -> bool {
        let Some(at) = due.at else { return false };
        let planned = plan.commit((at, self.tempo.policy_time(at)), want);
        if planned {
            plan.last = due;
        }
        planned
    }

    /// The waiters by window, each in order of arrival.
    fn queues<'a>(
        &self,
        key: KeyId,
        waiters: impl Iterator<Item = (&'a Ticket, &'a Waiter)>,
    ) -> Vec<Queue<'a>> {
        let mut queues: Vec<Queue<'a>> = Vec::new();
        let Some(windows) = &self.windows else { return queues };
        for (ticket, waiter) in waiters {
            let id = waiter.window();
            let index = queues.iter().position(|queue| queue.id == id).unwrap_or_else(|| {
                queues.push(Queue { id, known: windows.fork(key, id), waiters: VecDeque::new() });
                queues.len() - 1
            });
            if let Some(queue) = queues.get_mut(index) {
                queue.waiters.push_back((*ticket, waiter));
            }
        }
        queues
    }
}

/// When the first of another window is ready who came before `ticket`, if that is by the time at which this one is `due`.
fn sooner(queues: &[Queue<'_>], ticket: Ticket, time: Timestamp, due: Due) -> Option<Timestamp> {
    let firsts = queues.iter().filter_map(|queue| queue.first(time));
    let before = firsts.filter(|(other, _)| *other < ticket).filter_map(|(_, first)| first.at);
    before.filter(|at| *at > time && due.at.is_none_or(|due| *at <= due)).min()
}

/// Which queue's first is next, and when its window lets it start; moves `time` on to that. Of those whose windows let
/// nobody start that is told, and they are taken out.
fn next_of(
    queues: &mut Vec<Queue<'_>>,
    time: &mut Timestamp,
    step: &mut impl FnMut(Ticket, Due) -> Step,
) -> Option<(usize, Due)> {
    loop {
        let firsts = queues.iter().enumerate().filter_map(|(index, queue)| {
            let (ticket, due) = queue.first(*time)?;
            Some((due.at.is_some(), due.at.map(|at| at.max(*time)), ticket, index, due))
        });
        // Those that have no time come first.
        let (.., at, _, index, due) =
            firsts.min_by_key(|(has_time, at, ticket, ..)| (*has_time, *at, *ticket))?;
        let Some(at) = at else {
            let stuck = queues.swap_remove(index);
            if !tell_all(vec![stuck], due, step) {
                return None;
            }
            continue;
        };
        *time = at;
        return Some((index, due));
    }
}

/// Tells of everybody in these queues when they start; whether that is to go on.
fn tell_all(queues: Vec<Queue<'_>>, due: Due, step: &mut impl FnMut(Ticket, Due) -> Step) -> bool {
    let mut waiters = queues.into_iter().flat_map(|queue| queue.waiters);
    waiters.all(|(ticket, _)| !matches!(step(ticket, due), Step::Stop))
}
