//! The windows in which the servers count. They share no code with the crate that this example shows, so that neither can
//! hide the other's mistakes.

use std::time::Duration;

/// So many calls in a window, which opens with the first call after the one before was over.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rule {
    pub name: &'static str,
    pub calls: u32,
    pub length: Duration,
    /// It is over with a whole second of the clock, up to one second sooner: what is told by whole seconds is kept by them.
    pub whole_seconds: bool,
}

impl Rule {
    pub const fn new(name: &'static str, calls: u32, seconds: u64) -> Self {
        Self { name, calls, length: Duration::from_secs(seconds), whole_seconds: false }
    }

    pub const fn whole_seconds(self) -> Self {
        Self { whole_seconds: true, ..self }
    }

    /// How long after `first` the last of so many calls is accepted at the soonest, if none comes before `first`.
    ///
    /// It is played: whoever is always there the moment that a call is accepted. Nobody is served sooner, as a window that
    /// opens later is not over sooner, so each window opens and is over at the earliest; it does not matter then who
    /// else may call or what other limits say, which can only take time.
    pub fn least(&'static self, first: Duration, calls: usize) -> Duration {
        let mut window = Window::new(self);
        let mut now = first;
        for _ in 0..calls {
            if let Some(over) = window.full_until(now) {
                now = over;
            }
            window.take(now);
        }
        now.saturating_sub(first)
    }
}

/// One window after the other. Times are those of the server's clock, since 1970.
#[derive(Debug)]
pub struct Window {
    pub rule: &'static Rule,
    used: u32,
    over: Duration,
}

impl Window {
    pub const fn new(rule: &'static Rule) -> Self {
        Self { rule, used: 0, over: Duration::ZERO }
    }

    /// When it is over, if it has no room for a call before.
    pub fn full_until(&self, now: Duration) -> Option<Duration> {
        (now < self.over && self.used >= self.rule.calls).then_some(self.over)
    }

    pub fn take(&mut self, now: Duration) {
        if now >= self.over {
            let opens = if self.rule.whole_seconds { Duration::from_secs(now.as_secs()) } else { now };
            (self.over, self.used) = (opens + self.rule.length, 0);
        }
        self.used += 1;
    }

    /// What is left, and when it is over; of one that is not open yet, as if it were opened now.
    pub fn look(&self, now: Duration) -> (u32, Duration) {
        if now >= self.over {
            return (self.rule.calls, now + self.rule.length);
        }
        (self.rule.calls.saturating_sub(self.used), self.over)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static EXACT: Rule = Rule::new("exact", 3, 5);
    static WHOLE: Rule = Rule::new("whole", 2, 5).whole_seconds();

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn opens_with_its_first_call() {
        let mut window = Window::new(&EXACT);
        assert_eq!(window.look(ms(7_300)), (3, ms(12_300)));
        for at in [7_300, 9_000, 12_299] {
            assert_eq!(window.full_until(ms(at)), None);
            window.take(ms(at));
        }
        assert_eq!(window.look(ms(12_299)), (0, ms(12_300)));
        assert_eq!(window.full_until(ms(12_299)), Some(ms(12_300)));
        assert_eq!(window.full_until(ms(12_300)), None);
        window.take(ms(14_000));
        assert_eq!(window.look(ms(14_000)), (2, ms(19_000)));
    }

    #[test]
    fn is_over_with_a_whole_second() {
        let mut window = Window::new(&WHOLE);
        window.take(ms(7_300));
        assert_eq!(window.look(ms(7_300)), (1, ms(12_000)));
    }

    /// Which calls are accepted when, by trying every tenth of a second.
    #[test]
    fn nobody_is_served_sooner_than_the_least() {
        for rule in [&EXACT, &WHOLE] {
            for first in [7_000, 7_300, 7_900] {
                let (mut window, mut now) = (Window::new(rule), ms(first));
                for calls in 1..20 {
                    while window.full_until(now).is_some() {
                        now += ms(100);
                    }
                    window.take(now);
                    assert_eq!(
                        rule.least(ms(first), calls),
                        now.saturating_sub(ms(first)),
                        "{rule:?} {first} {calls}"
                    );
                }
            }
        }
        assert_eq!(EXACT.least(ms(1), 0), Duration::ZERO);
    }

    /// Whoever lets time pass between calls does not come sooner to the end.
    #[test]
    fn waiting_gains_nothing() {
        for rule in [&EXACT, &WHOLE] {
            for seed in 0..200 {
                let mut dice = fastrand::Rng::with_seed(seed);
                let (mut window, mut now) = (Window::new(rule), ms(7_300));
                for calls in 1..20 {
                    now = window.full_until(now).unwrap_or(now);
                    window.take(now);
                    assert!(now >= ms(7_300) + rule.least(ms(7_300), calls), "{rule:?} {seed} {calls}");
                    now += ms(dice.u64(0..3) * dice.u64(0..2_000));
                }
            }
        }
    }
}
