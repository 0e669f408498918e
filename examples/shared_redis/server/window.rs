//! The server's limit. It shares no code with the crate that this example shows, so that neither can hide the other's
//! mistakes.

use std::collections::VecDeque;
use std::time::Duration;

/// The shortest time that makes a difference.
const INSTANT: Duration = Duration::from_nanos(1);

/// At most `amount` served in any span of `length`, both ends included: a call exactly that old still counts.
#[derive(Clone, Debug)]
pub struct Window {
    amount: usize,
    length: Duration,
    /// When calls were served, the oldest first.
    served: VecDeque<Duration>,
}

impl Window {
    pub fn new(amount: u32, length: Duration) -> Self {
        Self { amount: amount as usize, length, served: VecDeque::new() }
    }

    /// Whether a call is served. One that is not does not count.
    pub fn arrive(&mut self, now: Duration) -> bool {
        while self.served.front().is_some_and(|&old| now.saturating_sub(old) > self.length) {
            self.served.pop_front();
        }
        let has_room = self.served.len() < self.amount;
        if has_room {
            self.served.push_back(now);
        }
        has_room
    }

    /// The most calls that can be served if all come within these periods, which follow one another and have both their
    /// ends.
    ///
    /// It is played: whoever makes every call as soon as it is served. Nobody has made as many sooner, whatever the calls
    /// before.
    pub fn most(&self, periods: &[(Duration, Duration)]) -> usize {
        let (mut calls, mut next) = (0, Duration::ZERO);
        for &(from, to) in periods {
            next = next.max(from);
            while next <= to {
                calls += self.amount;
                next += self.length + INSTANT;
            }
        }
        calls
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn a_call_exactly_as_old_as_the_window_still_counts() {
        let mut window = Window::new(2, ms(1000));
        assert!(window.arrive(ms(7)) && window.arrive(ms(500)));
        assert!(!window.arrive(ms(1007)));
        assert!(window.arrive(ms(1007) + INSTANT));
        assert!(!window.arrive(ms(1500)));
    }

    #[test]
    fn what_is_rejected_does_not_count() {
        let mut window = Window::new(1, ms(1000));
        assert!(window.arrive(ms(0)));
        assert!((1..=1000).all(|at| !window.arrive(ms(at))));
        assert!(window.arrive(ms(1001)));
    }

    /// Who tries again at every tick, where something comes free exactly at some tick, gets just the most.
    #[test]
    fn the_greediest_caller_gets_the_most() {
        let tick = ms(100) + INSTANT;
        let at = |ticks: u32| tick * ticks;
        for periods in [
            &[(0, 35)][..],
            &[(3, 9)],
            &[(3, 10)],
            &[(0, 0)],
            &[(0, 9), (11, 40)],
            &[(0, 6), (8, 13), (30, 30)],
            &[(0, 20), (21, 22), (23, 40)],
            &[],
        ] {
            let mut window = Window::new(5, ms(700) + INSTANT * 6);
            let most = window.most(&periods.iter().map(|&(from, to)| (at(from), at(to))).collect::<Vec<_>>());
            let mut served = 0;
            for now in periods.iter().flat_map(|&(from, to)| from..=to).map(at) {
                while window.arrive(now) {
                    served += 1;
                }
            }
            assert_eq!(served, most, "{periods:?}");
        }
    }
}
