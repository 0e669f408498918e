//! The server's own limits. They share no code with the crate that this example shows, so that neither can hide the other's
//! mistakes, and they are exact: whole numbers, in nanoseconds of the server's clock.

use std::collections::VecDeque;

const SECOND: u64 = 1_000_000_000;

/// What a server asks of its callers; times are nanoseconds since it started.
pub trait Limit: Send {
    /// Lets a call of this weight through, or says for how long none like it would be.
    fn arrive(&mut self, now: u64, weight: u32) -> Result<(), u64>;

    /// The most weight that could be let through between two arrivals this far apart, both of them included.
    fn most(&self, span: u64) -> u64;
}

/// Holds `size` tokens when full, and gains `per_second`.
pub struct TokenBucket {
    size: u32,
    per_second: u32,
    /// In billionths of a token: then every nanosecond adds the whole number `per_second`, and nothing is ever rounded.
    level: u64,
    at: u64,
}

impl TokenBucket {
    pub fn full(size: u32, per_second: u32) -> Self {
        Self { size, per_second, level: u64::from(size) * SECOND, at: 0 }
    }
}

impl Limit for TokenBucket {
    fn arrive(&mut self, now: u64, weight: u32) -> Result<(), u64> {
        let gained = (now - self.at).saturating_mul(u64::from(self.per_second));
        self.level = self.level.saturating_add(gained).min(u64::from(self.size) * SECOND);
        self.at = now;
        let price = u64::from(weight) * SECOND;
        if self.level < price {
            return Err((price - self.level).div_ceil(u64::from(self.per_second)));
        }
        self.level -= price;
        Ok(())
    }

    fn most(&self, span: u64) -> u64 {
        u64::from(self.size) + span.saturating_mul(u64::from(self.per_second)) / SECOND
    }
}

/// At most `amount` in any span of one second, its two ends included: a call exactly one second old still counts.
pub struct SlidingLog {
    amount: u32,
    /// The calls let through, one entry for each unit of weight.
    log: VecDeque<u64>,
}

impl SlidingLog {
    pub fn per_second(amount: u32) -> Self {
        Self { amount, log: VecDeque::new() }
    }
}

impl Limit for SlidingLog {
    fn arrive(&mut self, now: u64, weight: u32) -> Result<(), u64> {
        while self.log.front().is_some_and(|&old| now - old > SECOND) {
            self.log.pop_front();
        }
        let room = (self.amount as usize).saturating_sub(self.log.len());
        let missing = (weight as usize).saturating_sub(room);
        if missing > 0 {
            // A weight above the amount never fits; a second from now is as good an answer as any.
            let frees_room = self.log.get(missing - 1).copied().unwrap_or(now);
            return Err(frees_room + SECOND + 1 - now);
        }
        self.log.extend(std::iter::repeat_n(now, weight as usize));
        Ok(())
    }

    fn most(&self, span: u64) -> u64 {
        u64::from(self.amount) * (span / (SECOND + 1) + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TENTH: u64 = SECOND / 10;

    #[test]
    fn a_token_bucket_counts_weight_to_the_nanosecond() {
        let mut bucket = TokenBucket::full(10, 10);
        assert_eq!(bucket.arrive(0, 8), Ok(()));
        assert_eq!(bucket.arrive(0, 2), Ok(()));
        assert_eq!(bucket.arrive(0, 1), Err(TENTH));
        assert_eq!(bucket.arrive(TENTH - 1, 1), Err(1));
        assert_eq!(bucket.arrive(TENTH, 1), Ok(()));
        assert_eq!(bucket.arrive(3 * TENTH - 1, 2), Err(1));
        assert_eq!(bucket.arrive(3 * TENTH, 2), Ok(()));
    }

    #[test]
    fn a_token_bucket_holds_no_more_than_its_size() {
        let mut bucket = TokenBucket::full(10, 10);
        assert_eq!(bucket.arrive(3600 * SECOND, 10), Ok(()));
        assert_eq!(bucket.arrive(3600 * SECOND, 1), Err(TENTH));
    }

    #[test]
    fn a_refusal_costs_nothing() {
        let mut bucket = TokenBucket::full(10, 10);
        assert_eq!(bucket.arrive(0, 9), Ok(()));
        for _ in 0..100 {
            assert_eq!(bucket.arrive(0, 2), Err(TENTH));
        }
        assert_eq!(bucket.arrive(0, 1), Ok(()));
    }

    #[test]
    fn a_call_exactly_one_second_old_still_counts() {
        let mut log = SlidingLog::per_second(5);
        for _ in 0..5 {
            assert_eq!(log.arrive(7, 1), Ok(()));
        }
        assert_eq!(log.arrive(7, 1), Err(SECOND + 1));
        assert_eq!(log.arrive(7 + SECOND, 1), Err(1));
        assert_eq!(log.arrive(7 + SECOND + 1, 5), Ok(()));
    }

    #[test]
    fn a_sliding_log_waits_for_as_many_calls_as_it_needs() {
        let mut log = SlidingLog::per_second(5);
        for at in [0, 10, 20, 30] {
            assert_eq!(log.arrive(at, 1), Ok(()));
        }
        assert_eq!(log.arrive(100, 3), Err(10 + SECOND + 1 - 100));
        assert_eq!(log.arrive(10 + SECOND + 1, 3), Ok(()));
    }

    /// `most` is what utilisation is measured against, so it may be neither too small nor too large: whoever asks again at
    /// every tick, the ticks being such that something comes free exactly then, gets just that.
    #[test]
    fn the_greediest_caller_gets_the_most() {
        fn greedy(mut limit: impl Limit, tick: u64) {
            let mut served = 0;
            for now in (0..=5 * SECOND).step_by(usize::try_from(tick).expect("fits")) {
                while limit.arrive(now, 1).is_ok() {
                    served += 1;
                }
                assert_eq!(served, limit.most(now), "after {now} ns");
            }
        }
        greedy(TokenBucket::full(10, 10), TENTH / 10);
        greedy(TokenBucket::full(3, 4), SECOND / 8);
        greedy(SlidingLog::per_second(5), (SECOND + 1) / 7);
        greedy(SlidingLog::per_second(1), SECOND + 1);
    }
}
