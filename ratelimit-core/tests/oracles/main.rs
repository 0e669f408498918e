//! What other rate limiters really answered, replayed against our engine through its public interface.
//!
//! `fixtures/<peer>/<kind>/<number>.jsonl` are decision traces: a header with the peer's configuration, then one event
//! a line with what the peer answered. Each is replayed under a manual clock with guard zero. Every decision has to be
//! the same, and every wait, but for the two clocks' resolution; where our law is another on purpose, the test says
//! why and how often. Whatever is compared is counted, and the counts are asserted, so that no test can silently
//! compare nothing. Which traces there are, how many of their events are compared, and why others are not, stands in
//! one list, `traces.rs`.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a fixture that does not read, or an answer that cannot be, ends the test"
)]
#![expect(clippy::float_arithmetic, reason = "two of the peers count in floats, and so do their traces")]

mod governor;
mod hikari;
mod limits;
mod listed;
mod pyrate;
mod replay;
mod tokenfloat;
mod traces;
mod waiting;
mod xtime;
