//! Whose turn it is.

use super::due::{Due, Refusal};
use super::effects::Effects;
use super::learning::Front;
use super::state::{Reading, State};
use super::{GRACE, KeyId, Ticket};
use crate::error::ErrorKind;
use crate::policy::own;
use crate::time::Timestamp;

/// What is left to do for a line after a look at its head.
enum Next {
    /// Look again, the head is another one.
    Again,
    /// Look again at that time, or when something changes.
    At(Option<Timestamp>),
}

impl State {
    /// Brings the line of `key` up to date: finds its head, tells it if its turn has come, passes over who has let
    /// its turn go by, and puts the next look into the agenda.
    pub(super) fn settle(&mut self, key: KeyId, reading: Reading, effects: &mut Effects) {
        if !self.lines.contains_key(&key) {
            return self.give_back_reserved(key, reading, effects);
        }
        self.expire(key, reading, effects);
        self.give_back_reserved(key, reading, effects);
        let at = loop {
            match self.look_at_head(key, reading, effects) {
                Next::Again => {}
                Next::At(at) => break at,
            }
        };
        let asks = self.call_to_ask(key, reading, effects);
        self.schedule(key, at.into_iter().chain(asks).min(), reading);
    }

    /// Whether the line of `key` is up to date. Only where all turns are a store's starts: bodies that end, and what the
    /// server says, move turns without a mark.
    fn is_settled(&self, key: KeyId, now: Timestamp) -> bool {
        let by_store_alone = self.remote.is_some() && !self.hears_of_ends();
        let line = self.lines.get(&key).filter(|line| by_store_alone && line.is_settled);
        line.is_some_and(|line| line.agenda.is_none_or(|at| now < at))
    }

    pub(super) fn set_settled(&mut self, key: KeyId) {
        if let Some(line) = self.lines.get_mut(&key) {
            line.is_settled = true;
        }
    }

    /// Brings the line for the total up to date, after whatever was done: where another head is first now, the old
    /// first has no turn any more and the new one may have.
    ///
    /// Only the first contender's line waits for the total, so it alone has to be looked at when the total changed.
    pub(super) fn settle_total(&mut self, reading: Reading, effects: &mut Effects) {
        // Each round a head that did not take its turn in time is passed over: there are only so many.
        while self.served != self.first_contender() {
            let before = self.served;
            self.served = self.first_contender();
            for (_, key) in [before, self.served].into_iter().flatten() {
                self.settle(key, reading, effects);
            }
        }
    }

    pub(super) fn settle_all(&mut self, reading: Reading, effects: &mut Effects) {
        let keys: Vec<KeyId> = self.lines.keys().copied().collect();
        self.settle_each(&keys, reading, effects);
    }

    /// With a total, finds out who is ready for it before anybody gets a turn: heads of several keys that become ready
    /// in one look go in order of arrival, not in that of the keys.
    fn settle_each(&mut self, keys: &[KeyId], reading: Reading, effects: &mut Effects) {
        if self.memory.has_total() {
            for key in keys {
                self.expire(*key, reading, effects);
                let is_ready = |front: &Front| {
                    self.due_by_key(*key, front.window, reading.now, front.weight).at == Some(reading.now)
                };
                let ready = self.front(*key, reading.now).filter(is_ready);
                // Its head is asked about again below.
                own::set_aside();
                self.contend(*key, ready.map(|front| front.ticket));
            }
        }
        for key in keys {
            self.settle(*key, reading, effects);
        }
        self.settle_total(reading, effects);
    }

    /// The head that may take from the total before all others.
    pub(super) fn first_contender(&self) -> Option<(Ticket, KeyId)> {
        self.contenders.first_key_value().map(|(ticket, key)| (*ticket, *key))
    }

    fn look_at_head(&mut self, key: KeyId, reading: Reading, effects: &mut Effects) -> Next {
        let Some(Front { ticket: head, weight, window, sooner }) = self.front(key, reading.now) else {
            self.contend(key, None);
            return Next::At(None);
        };
        let due = self.due_by_key(key, window, reading.now, weight);
        self.attribute_panic(key, head, effects);
        if due.at.is_none_or(|at| at > reading.now) {
            self.contend(key, None);
            if self.is_called(key, head, reading.now) {
                return self.give_turn(key, head, reading, effects);
            }
            self.set_turn(key, None);
            if self.is_refused_for_good(key, (head, weight), due, reading, effects) {
                return Next::Again;
            }
            let at = due.at.map(|at| self.told_by(key, at));
            return Next::At(at.into_iter().chain(sooner).min());
        }
        if self.memory.has_total() {
            self.contend(key, Some(head));
            if self.first_contender() != Some((head, key)) {
                self.set_turn(key, None);
                return Next::At(sooner);
            }
            let due = self.due_by_total(reading.now, weight);
            if due.at.is_none_or(|at| at > reading.now) {
                self.set_turn(key, None);
                return Next::At(due.at.into_iter().chain(sooner).min());
            }
        }
        self.give_turn(key, head, reading, effects)
    }

    /// A panic of the user's policy over the turn of `head` is its own: it meets it here if it is being polled, and
    /// otherwise it is woken to ask by itself.
    fn attribute_panic(&mut self, key: KeyId, head: Ticket, effects: &mut Effects) {
        if effects.caller == Some(head) {
            effects.meet_panic();
        } else if own::set_aside()
            && let Some(waiter) = self.lines.get_mut(&key).and_then(|line| line.waiters.get_mut(&head))
        {
            effects.wake(waiter.waker.take());
        }
    }

    /// Whether the user's policy has changed its mind about `head` and lets it start at no time any more.
    fn is_refused_for_good(
        &mut self,
        key: KeyId,
        (head, weight): (Ticket, u32),
        due: Due,
        reading: Reading,
        effects: &mut Effects,
    ) -> bool {
        let may_be = self.memory.has_own() && due.at.is_none() && !due.is_unknown;
        let is_never = may_be && self.is_never(key, reading, weight);
        own::set_aside();
        if is_never {
            self.refuse(key, head, Refusal::of(ErrorKind::TooHeavy), effects);
        }
        is_never
    }

    /// It is the turn of `head`, to start or to ask the store for a start: tell it once, and pass over it when it has let [`GRACE`] go by.
    fn give_turn(&mut self, key: KeyId, head: Ticket, reading: Reading, effects: &mut Effects) -> Next {
        let Some(line) = self.lines.get_mut(&key) else { return Next::At(None) };
        let Some(waiter) = line.waiters.get_mut(&head) else { return Next::At(None) };
        let since = match line.turn {
            Some((ticket, since)) if ticket == head => since,
            _ => {
                line.turn = Some((head, reading.now));
                effects.wake(waiter.waker.take());
                reading.now
            }
        };
        // What would be over beyond the end of time never is.
        let over = since.as_nanos().checked_add(GRACE).map(Timestamp::from_nanos);
        if over.is_none_or(|over| reading.now < over) {
            return Next::At(over);
        }
        line.turn = None;
        self.set_passed(key, head, true);
        self.outdate(key);
        self.contend(key, None);
        Next::Again
    }

    pub(super) fn set_passed(&mut self, key: KeyId, ticket: Ticket, passed: bool) {
        if let Some(line) = self.lines.get_mut(&key) {
            line.set_passed(ticket, passed);
        }
    }

    pub(super) fn set_turn(&mut self, key: KeyId, turn: Option<(Ticket, Timestamp)>) {
        if let Some(line) = self.lines.get_mut(&key) {
            line.turn = turn;
        }
    }

    /// Whether `ticket` may start at this very reading; the line is up to date.
    pub(super) fn has_turn(&self, key: KeyId, ticket: Ticket) -> bool {
        let turn = self.lines.get(&key).and_then(|line| line.turn);
        turn.is_some_and(|(holder, _)| holder == ticket)
    }

    /// Puts the head of `key` into the line for the total, or takes it out.
    pub(super) fn contend(&mut self, key: KeyId, head: Option<Ticket>) {
        let Some(line) = self.lines.get_mut(&key) else { return };
        if line.contending == head {
            return;
        }
        if let Some(ticket) = line.contending {
            self.contenders.remove(&ticket);
        }
        if let Some(ticket) = head {
            self.contenders.insert(ticket, key);
        }
        line.contending = head;
    }

    /// Puts the next look at the line of `key` into the agenda: at `at`, or when the first allowance is surely over;
    /// where turns may be unknown, also as soon as each allowance is over.
    fn schedule(&mut self, key: KeyId, at: Option<Timestamp>, reading: Reading) {
        let waits_for_ends = self.has_unknown_turns();
        let Some(line) = self.lines.get_mut(&key) else { return };
        line.is_settled = true;
        let expires = line.deadlines.first().map(|(deadline, _)| deadline.plus(GRACE + 1));
        let coming = (reading.clock, Ticket::MIN)..;
        let ends = || line.deadlines.range(coming).next().map(|(deadline, _)| deadline.plus(1));
        let ends = waits_for_ends.then(ends).flatten();
        let at = [at, expires, ends].into_iter().flatten().min().filter(|at| *at < Timestamp::MAX);
        // Of a store's starts one is due after the other: as with the alarm, a look that is too early finds nothing, which
        // costs less than to move it with each turn.
        let is_early = |known: Timestamp| reading.now < known && at.is_some_and(|at| known < at);
        let may_be_early = self.remote.is_some() && self.seen.is_none();
        let is_kept = may_be_early && line.agenda.is_some_and(is_early);
        if line.agenda == at || is_kept {
            return;
        }
        if let Some(known) = line.agenda {
            self.agenda.remove(&(known, key));
        }
        if let Some(at) = at {
            self.agenda.insert((at, key));
        }
        line.agenda = at;
    }

    /// Asks for another alarm if the agenda begins at another time than the last one.
    ///
    /// One of the system's that will ring before is kept: it only looks, which costs less than moving it with each turn.
    pub(super) fn set_alarm(&mut self, effects: &mut Effects) {
        let next = self.agenda.first().map(|(at, _)| *at);
        let is_kept = match (self.alarm.at, next) {
            (Some(set), Some(next)) if self.seen.is_none() => set <= next,
            (set, next) => set == next,
        };
        if !is_kept {
            self.alarm.requests += 1;
            self.alarm.at = next;
            effects.alarm = Some((self.alarm.requests, next));
        }
    }

    /// When the head of `key`, whose turn comes at `at`, is told at the latest: those who become due meanwhile are then
    /// served by the same alarm. Later than `at` only where several wait and no start is lost by it, and only on the
    /// system's clock, whose sleeps are never on time anyway; never past its allowance.
    ///
    /// Who comes by in between finds the turn there and gives it: an executor that runs one of those who wait is busy, and
    /// who is told by its own threads comes next, but who is told by the alarm comes after all that it has to do.
    fn told_by(&self, key: KeyId, at: Timestamp) -> Timestamp {
        // What the server says is no rate that gives leeway.
        let may = self.seen.is_none() && self.windows.is_none();
        let Some(line) = self.lines.get(&key).filter(|line| may && line.waiters.len() > 1) else {
            return at;
        };
        let Some(waiter) = line.head().and_then(|(head, _)| line.waiters.get(&head)) else { return at };
        let leeway = self.limits.leeway(waiter.weight, self.alarm.late);
        at.plus(leeway).min(waiter.deadline).max(at)
    }

    /// Looks at all the lines whose time has come.
    pub(super) fn ring(&mut self, reading: Reading, effects: &mut Effects) {
        // The alarm that rang is spent: the same time may be asked for again.
        if let Some(at) = self.alarm.at.take() {
            let late = reading.now.as_nanos().saturating_sub(at.as_nanos());
            self.alarm.late = late.max(self.alarm.late / 2);
        }
        self.settle_due(reading, effects);
    }

    /// Before anything is decided for `key`: brings its line up to date, and with a total all lines whose time has
    /// come, as a head that is ready stands before newcomers of other keys even if its alarm is late.
    pub(super) fn catch_up(&mut self, key: KeyId, reading: Reading, effects: &mut Effects) {
        if self.memory.has_total() {
            self.settle_due(reading, effects);
        }
        if !self.is_settled(key, reading.now) {
            self.settle(key, reading, effects);
        }
        self.settle_total(reading, effects);
    }

    /// Brings the lines up to date whose time has come.
    fn settle_due(&mut self, reading: Reading, effects: &mut Effects) {
        let due = self.agenda.iter().take_while(|(at, _)| *at <= reading.now);
        let due: Vec<KeyId> = due.map(|(_, key)| *key).collect();
        self.settle_each(&due, reading, effects);
    }

    /// Takes `ticket` out of its line; the line goes with its last waiter.
    pub(super) fn unlink(&mut self, key: KeyId, ticket: Ticket) -> Option<super::Waiter> {
        let line = self.lines.get_mut(&key)?;
        let waiter = line.remove(ticket)?;
        if let Some(remote) = &mut self.remote {
            remote.go(key, waiter.want());
        }
        if line.contending == Some(ticket) {
            line.contending = None;
            self.contenders.remove(&ticket);
        }
        if line.turn.is_some_and(|(holder, _)| holder == ticket) {
            line.turn = None;
        }
        if line.waiters.is_empty() {
            if let Some(at) = line.agenda {
                self.agenda.remove(&(at, key));
            }
            self.lines.remove(&key);
        }
        self.outdate(key);
        Some(waiter)
    }
}

#[cfg(test)]
mod tests;
