//! How long a store's answers take, and by how much later starts are to be counted for that.

use crate::limits::Valid;
use crate::line::remote::RESERVES;
use crate::time::Timestamp;

/// What is known by the trips of late, in nanoseconds.
#[derive(Debug, Default)]
pub(super) struct Late {
    /// The shortest guard: by how much answers may be late; `None` where nothing is reserved.
    guard: Option<u64>,
    /// By how much they may be by the last trip alone, and by those of late.
    needed: u64,
    slack: u64,
    /// By how much later than now starts are counted that the trip under way asks for.
    asked: u64,
    /// By how much what was counted last for who started at once lies ahead of now, at most.
    ahead: u64,
    /// When that was so, and how much time has gone by since `slack` became less.
    seen: Timestamp,
    passed: u64,
}

impl Late {
    pub(super) fn under(limits: &Valid) -> Self {
        let mut late = Late::default();
        late.set_limits(limits);
        late
    }

    pub(super) fn set_limits(&mut self, limits: &Valid) {
        self.guard = Some(limits.least_guard()).filter(|guard| *guard >= RESERVES);
    }

    /// By how much starts that are asked for by a trip that begins now are to be counted later than the store's now: so that
    /// they are in time although the answer takes a while. All who ask may wait for `allowance`.
    ///
    /// After a slow trip it becomes less with those that are quicker, as time goes by. What was counted later before may hold
    /// up who comes after, for no longer than they may wait: a start of who may not wait is counted no sooner than the last
    /// one, wherever in a trip the store decides.
    pub(super) fn slack_at(&mut self, now: Timestamp, allowance: impl FnOnce() -> u64) -> u64 {
        self.pass(now);
        self.asked = 0;
        if let Some(guard) = self.guard {
            let fades = if self.slack > guard / 4 { self.slack / 16 } else { self.slack };
            let passed = std::mem::take(&mut self.passed);
            self.slack = self.needed.max(self.slack - fades.min(passed));
            let at_once = if self.ahead > self.slack { self.ahead.saturating_sub(allowance()) } else { 0 };
            self.asked = self.slack.max(at_once);
        }
        self.asked
    }

    /// A trip took so long, where calls may be late by the guard.
    ///
    /// As long as answers come well within the guard nothing is counted later. Else twice as long as the longest trip of
    /// late, up to `most`.
    pub(super) fn took(&mut self, span: u64, most: u64) {
        let is_quick = self.guard.is_none_or(|guard| span <= guard / 2);
        self.needed = if is_quick { 0 } else { (2 * span).min(most) };
        self.slack = self.slack.max(self.needed);
    }

    /// A trip ended at `now` by which a start may have been counted.
    pub(super) fn counted(&mut self, now: Timestamp) {
        self.pass(now);
        self.ahead = self.ahead.max(self.asked);
    }

    /// A clock that shows less than it did lets no time go by; one that shows more lets all of it.
    fn pass(&mut self, now: Timestamp) {
        let since = now.as_nanos().saturating_sub(self.seen.as_nanos());
        self.seen = now;
        self.ahead = self.ahead.saturating_sub(since);
        self.passed = self.passed.saturating_add(since);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;
    const MOST: u64 = 1_000 * MS;

    fn at(nanos: u64) -> Timestamp {
        Timestamp::from_nanos(nanos)
    }

    /// Of a store whose trip took so long, just now.
    fn after(span: u64, now: u64) -> Late {
        let mut late = Late { guard: Some(20 * MS), ..Late::default() };
        late.slack_at(at(now - span), || 0);
        late.took(span, MOST);
        late.counted(at(now));
        late
    }

    /// Also where the store decides at the end of one trip and at the beginning of the next.
    #[test]
    fn no_start_of_who_may_not_wait_is_counted_before_the_last_one() {
        let mut late = after(MS, 1_000 * MS);
        let (mut now, mut counted) = (1_000 * MS, 0);
        for trip in 0..60_000_u64 {
            now += trip % 7 * MS / 100;
            let begin = now;
            let may_wait = trip.is_multiple_of(5);
            let slack = late.slack_at(at(begin), || if may_wait { u64::MAX } else { 0 });
            let span = if trip == 3 { 100 * MS } else { MS / 20 };
            now += span;
            late.took(span, MOST);
            late.counted(at(now));
            assert!(may_wait || begin + slack >= counted, "{trip}");
            counted = counted.max(now + slack);
            assert!(slack == 0 || trip > 3, "only after the slow one");
        }
        assert_eq!(late.slack_at(at(now), || 0), 0, "in the end nothing is");
    }

    /// However little time goes by between trips: who asks again and again after a slow one would hold up all others.
    #[test]
    fn who_may_wait_is_counted_later_for_twice_as_long_as_it_was_slow() {
        for allowance in [u64::MAX, 100 * MS] {
            let mut now = 1_000 * MS;
            let mut late = after(85 * MS, now);
            let mut counted = 0;
            while now < (1_000 + 175) * MS {
                let slack = late.slack_at(at(now), || allowance);
                // The store decides at once, and the caller waits for what was counted last.
                let start = counted.max(now + slack);
                assert!(start - (now + slack) <= allowance.min(MS), "hardly anybody waits");
                now = start - slack + MS / 50;
                late.took(MS / 50, MOST);
                late.counted(at(now));
                counted = start;
            }
            assert!(late.slack_at(at(now), || allowance) <= 5 * MS, "{allowance}");
        }
    }

    #[test]
    fn what_counts_nothing_prolongs_nothing() {
        let mut late = after(100 * MS, 1_000 * MS);
        let asked = late.slack_at(at(1_000 * MS), || 0);
        assert_eq!(asked, 200 * MS);
        late.counted(at(1_000 * MS));
        for trip in 0..205 {
            let now = at((1_000 + trip) * MS);
            assert!(late.slack_at(now, || 0) <= (220 - trip) * MS, "{trip}");
            late.took(MS, MOST);
        }
    }

    #[test]
    fn trips_that_stay_slow_are_answered_in_time() {
        let mut late = after(970 * MS, 1_000 * MS);
        for trip in 1..50 {
            let now = (1_000 + trip * 971) * MS;
            assert_eq!(late.slack_at(at(now), || u64::MAX), MOST);
            late.took(970 * MS, MOST);
            late.counted(at(now + 970 * MS));
        }
    }

    /// However far a store is: one slow trip is not held against it for ever.
    #[test]
    fn trips_that_are_never_quick_get_over_a_slow_one() {
        let mut now = 1_000 * MS;
        let mut late = after(490 * MS, now);
        let asked: Vec<u64> = (0..200)
            .map(|_| {
                let slack = late.slack_at(at(now), || u64::MAX);
                now += 12 * MS;
                late.took(12 * MS, MOST);
                late.counted(at(now));
                slack
            })
            .collect();
        assert_eq!(asked[0], 980 * MS);
        assert!(
            asked.is_sorted_by(|before, after| before >= after) && asked[100..] == [24 * MS; 100],
            "{asked:?}"
        );
    }

    /// Also one that the bucket was given later, which shows less by days.
    #[test]
    fn a_clock_that_shows_less_lets_no_time_go_by() {
        let mut late = after(100 * MS, 5_000_000 * MS);
        for now in [4_000_000, 3_000_000, 0] {
            assert_eq!(late.slack_at(at(now * MS), || 0), 200 * MS);
            late.took(MS, MOST);
            late.counted(at(now * MS));
        }
        assert_eq!(late.slack_at(at(9_000_000 * MS), || 0), 200 * MS * 15 / 16, "a sixteenth at a time");
    }
}
