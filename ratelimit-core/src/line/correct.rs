//! What a call really cost, told while it runs or as it ends.

use super::KeyId;
use super::effects::Effects;
use super::learning::Flight;
use super::locked::{Changed, lock};
use super::plan::Forecast;
use super::remote::{Note, counted_of};
use super::shared::Shared;
use super::state::{Grant, Reading, State};
use crate::feedback::Feedback;
use crate::pace::Pace;
use crate::policy::Outcome;
use crate::policy::reserved::Taken;
use crate::sync::atomic::{AtomicU32, Ordering};
use crate::time::Timestamp;

/// A part of what a call counts: what was taken at its start, or added by a correction.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    /// As the [`Grant`]'s.
    start: Timestamp,
    born: u64,
    /// What is left of it.
    weight: u32,
    /// And of what it took in a store.
    taken: Taken,
}

impl Part {
    fn of(grant: Grant) -> Self {
        let taken = Taken::by_charge(grant.weight, Pace::Normal);
        Part { start: grant.start, born: grant.born, weight: grant.weight, taken }
    }
}

/// What a corrected call counts, and whether it is in flight.
#[derive(Debug)]
pub(super) struct Account {
    /// Of those that count something, the oldest first.
    pub(super) parts: Vec<Part>,
    /// What counts beside them and can be given back no more.
    beyond: u32,
    pub(super) in_flight: bool,
    /// The annotated function that told who it is; 0 = none.
    site: u32,
    /// Where the bucket learns: what is to be heard of it.
    pub(super) flight: Option<Flight>,
}

/// A call that ends.
#[derive(Clone, Copy, Debug)]
pub(super) enum Ended {
    /// It was in flight and never corrected.
    Plain(Part),
    /// By the number of its account.
    Known(u32),
}

/// How many parts of one call are remembered: a call that is corrected upwards without end takes no memory without end.
const MOST_PARTS: usize = 64;

impl Account {
    fn of(grant: Grant, flight: Option<Flight>) -> Self {
        Account::with(Part::of(grant), grant.account, flight)
    }

    fn with(part: Part, account: u32, flight: Option<Flight>) -> Self {
        debug_assert!(!is_known(account), "a call has one account");
        let in_flight = account & IN_FLIGHT != 0;
        Account { parts: vec![part], beyond: 0, in_flight, site: site_of(account), flight }
    }

    fn counted(&self) -> u32 {
        self.parts.iter().fold(self.beyond, |sum, part| sum.saturating_add(part.weight))
    }

    /// A user's own policy is told of the end of each part as it was told of its beginning; rates know no parts.
    fn add(&mut self, part: Part, has_own: bool) {
        match self.parts.last_mut() {
            Some(last) if !has_own && (last.start, last.born) == (part.start, part.born) => {
                last.weight = last.weight.saturating_add(part.weight);
            }
            _ => self.parts.push(part),
        }
        if !has_own && self.parts.len() > MOST_PARTS {
            let oldest = self.parts.remove(0);
            self.beyond = self.beyond.saturating_add(oldest.weight);
        }
    }
}

/// What a permit remembers of a call that has no account: nothing, or that the bucket has to be told of its end; and
/// above that bit, which annotated function it is of, if that may tell of an answer. Numbers of accounts have the
/// highest bit set, so that one look tells who has to be told of an end.
pub(crate) const PLAIN: u32 = 0;
pub(crate) const IN_FLIGHT: u32 = 1;
const KNOWN: u32 = 1 << 31;

/// Whether the bucket has to be told of the end of a call.
#[inline]
pub(crate) fn is_told_of_end(account: u32) -> bool {
    account & (KNOWN | IN_FLIGHT) != 0
}

/// Whether it is the number of an account.
pub(crate) fn is_known(account: u32) -> bool {
    account & KNOWN != 0
}

/// The number of the annotated function whose permit remembers so; 0 = none.
fn site_of(account: u32) -> u32 {
    if is_known(account) { 0 } else { account >> 1 }
}

/// What a permit of the annotated function with the number `site` remembers.
pub(crate) fn with_site(account: u32, site: u32) -> u32 {
    if is_known(account) { account } else { (site << 1) & !KNOWN | account & IN_FLIGHT }
}

impl Shared {
    /// Makes the call of `grant` count `cost`; `account` is where its permit keeps the number of its account.
    pub(crate) fn correct(&self, key: KeyId, grant: Grant, account: &AtomicU32, cost: u32) {
        self.change_and_finish(|state, reading, effects| {
            // Written under the lock only.
            let known = account.load(Ordering::Relaxed);
            let number = if is_known(known) { known } else { state.new_account(grant, None) };
            account.store(number, Ordering::Relaxed);
            if let Some(mut account) = state.accounts.remove(&number) {
                let before = state.forecast_windows(key, reading);
                if let Some(flight) = account.flight.as_mut().filter(|flight| !flight.is_heard) {
                    state.weigh(flight, cost, effects);
                }
                state.settle_up(key, &mut account, cost, (reading, effects));
                state.accounts.insert(number, account);
                state.judge_windows(key, before.as_ref(), reading, effects);
            }
        });
    }

    /// The call of that account is of the annotated function with the number `site`.
    pub(crate) fn tell_site(&self, account: u32, site: u32) {
        // The gate is left as it is: there are no accounts in it.
        if let Some(known) = lock(&self.state).accounts.get_mut(&account) {
            known.site = site;
        }
    }

    /// Gives back all that the call of `grant` still counts, as its permit goes.
    pub(crate) fn refund(&self, key: KeyId, grant: Grant, account: u32) -> Changed<()> {
        self.change(|state, reading, effects| {
            let known = state.accounts.remove(&account);
            let is_known = known.is_some();
            let mut known = known.unwrap_or_else(|| Account::of(grant, None));
            let before = state.forecast_windows(key, reading);
            if let Some(flight) = &mut known.flight {
                // It never reached the server.
                state.land_unheard(*flight, false, (reading, effects));
                flight.is_heard = true;
            }
            state.settle_up(key, &mut known, 0, (reading, effects));
            if is_known {
                state.accounts.insert(account, known);
            }
            state.judge_windows(key, before.as_ref(), reading, effects);
        })
    }

    /// A permit goes whose end has to be told of.
    ///
    /// A user's own policy that panics reaches whoever drops the permit, unless that is unwinding already.
    pub(crate) fn end(&self, key: KeyId, grant: Grant, account: u32) {
        if !is_known(account) {
            return self.land(key, Ended::Plain(Part::of(grant)));
        }
        // The gate is left as it is: there are no accounts in it.
        let mut state = lock(&self.state);
        let has_own = state.memory.has_own();
        let is_told = |known: &Account| known.in_flight || known.flight.is_some() || has_own;
        if state.accounts.get(&account).is_some_and(is_told) {
            // It stays until everything is told of its end, as others may move it meanwhile.
            drop(state);
            self.land(key, Ended::Known(account));
        } else {
            state.accounts.remove(&account);
        }
    }
}

impl State {
    /// The annotated function whose call has that account, or remembers so itself.
    pub(super) fn site_of(&self, account: u32) -> u32 {
        self.accounts.get(&account).map_or(site_of(account), |known| known.site)
    }

    pub(super) fn new_account(&mut self, grant: Grant, flight: Option<Flight>) -> u32 {
        self.new_account_of(grant, Part::of(grant).taken, flight)
    }

    /// The same of a call that took so much in a store.
    pub(super) fn new_account_of(&mut self, grant: Grant, taken: Taken, flight: Option<Flight>) -> u32 {
        // Numbers come round again; some call may live that long.
        let mut number = self.numbered.wrapping_add(1) | KNOWN;
        while self.accounts.contains_key(&number) {
            number = number.wrapping_add(1) | KNOWN;
        }
        self.numbered = number;
        let part = Part { taken, ..Part::of(grant) };
        self.accounts.insert(number, Account::with(part, grant.account, flight));
        number
    }

    /// Makes a call count `cost` from now on.
    fn settle_up(
        &mut self,
        key: KeyId,
        account: &mut Account,
        cost: u32,
        (reading, effects): (Reading, &mut Effects),
    ) {
        let counted = account.counted();
        if cost > counted {
            if let Some(remote) = &self.remote {
                let more = cost - counted;
                let Taken { weight, .. } = Taken::by_charge(more, self.tempo.pace());
                effects.tell(&remote.courier, key, Note::Charge { weight });
                // When it counts from is not waited for, so that it cannot be given back.
                account.beyond = account.beyond.saturating_add(more);
            } else if let Some(part) = self.add(key, cost - counted, reading, effects) {
                account.add(part, self.memory.has_own());
            }
        } else if cost < counted {
            self.give_back(key, &mut account.parts, counted - cost, reading, effects);
            account.parts.retain(|part| part.weight > 0);
        }
    }

    /// Charges what a call cost more than it counts: now, under the limits in force, whatever was there as it began.
    fn add(&mut self, key: KeyId, more: u32, reading: Reading, effects: &mut Effects) -> Option<Part> {
        if self.closed {
            return None;
        }
        self.catch_up(key, reading, effects);
        // Its entry may be forgotten by now, and all the room be taken by others: there is nowhere to count then.
        if !self.make_room_to_start(key, None, reading) {
            return None;
        }
        let before = self.forecast_sharers(key, reading);
        let counted = self.count(key, reading, more);
        effects.meet_panic();
        self.may_be_idle(key);
        self.judge_sharers(key, &before, reading, effects);
        let taken = Taken::by_charge(more, Pace::Normal);
        counted.map(|(start, born)| Part { start, born, weight: more, taken })
    }

    /// Gives `given` back, of what was taken last first, as far as the policies can.
    ///
    /// What is given back is taken off the parts, so that it never adds up to more than was taken. Rates give back
    /// nothing of what was taken before everything was reset or replaced: the call counts that on, or what is added to
    /// it later would count twice.
    fn give_back(
        &mut self,
        key: KeyId,
        parts: &mut [Part],
        mut given: u32,
        reading: Reading,
        effects: &mut Effects,
    ) {
        // A user's policy may learn something that holds others up for longer; rates only ever give back.
        let before = self.memory.has_own().then(|| self.forecast(key, reading));
        let now = self.tempo.policy_time(reading.now);
        for part in parts.iter_mut().rev() {
            let of_it = given.min(part.weight);
            if let Some(remote) = &self.remote {
                let counted = counted_of((part.start, part.born), part.taken);
                part.weight -= of_it;
                part.taken = part.taken.but_for(part.weight);
                given -= of_it;
                // In its window it is told of by itself.
                let given = counted.taken.weight - part.taken.weight;
                if given > 0 {
                    effects.tell(&remote.courier, key, Note::Refund { counted, window: None, given });
                }
                continue;
            }
            if of_it > 0 && (before.is_some() || self.memory.remembers(part.born)) {
                let outcome = Outcome::Refund(of_it);
                self.memory.settle(key, part.born, (part.start, now), part.weight, &outcome);
                part.weight -= of_it;
                part.taken = part.taken.but_for(part.weight);
                given -= of_it;
            }
        }
        effects.meet_panic();
        self.look_again(key, before.as_ref(), reading, effects);
    }

    /// Something was settled: others may start sooner, or, against what was forecast `before`, later.
    fn look_again(&mut self, key: KeyId, before: Option<&Forecast>, reading: Reading, effects: &mut Effects) {
        self.may_be_idle(key);
        self.outdate(key);
        self.served = None;
        if let Some(before) = before {
            self.judge(key, before, reading, effects);
        }
        self.settle(key, reading, effects);
    }

    /// Tells the user's own policy, if there is one, what the server answered to a call that runs.
    pub(super) fn tell_own(
        &mut self,
        key: KeyId,
        grant: Grant,
        answer: &Feedback,
        (reading, effects): (Reading, &mut Effects),
    ) {
        if !self.memory.has_own() {
            return;
        }
        let known = self.accounts.get(&grant.account);
        let parts = known.map_or_else(|| vec![Part::of(grant)], |known| known.parts.clone());
        let Some(part) = parts.into_iter().find(|part| part.weight > 0) else { return };
        let before = self.forecast(key, reading);
        let now = self.tempo.policy_time(reading.now);
        let outcome = Outcome::Feedback(answer.clone());
        self.memory.settle(key, part.born, (part.start, now), part.weight, &outcome);
        effects.meet_panic();
        self.look_again(key, Some(&before), reading, effects);
    }

    /// Tells the user's own policy, if there is one, that a call ended, and cost what is left of its parts.
    pub(super) fn end_parts(&mut self, key: KeyId, parts: &[Part], reading: Reading, effects: &mut Effects) {
        if !self.memory.has_own() {
            return;
        }
        let now = self.tempo.policy_time(reading.now);
        for part in parts.iter().filter(|part| part.weight > 0) {
            self.memory.settle(key, part.born, (part.start, now), part.weight, &Outcome::NoNews);
        }
        effects.meet_panic();
    }
}
