//! The attribute, beside others and beside the same by hand.

use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use rate_limited::{Bucket, Registry};

use super::one_thread::{REFUSAL, by_throttle_my_fn};
use super::{ADDED, ANNOTATED, BY_HAND, Contest, by_attribute, by_hand, by_peers};
use crate::limiters::{ALWAYS, OURS, THROTTLE_MY_FN};
use crate::measure::pair::{Side, both};
use crate::measure::turns::{Entrant, by_turns};
use crate::measure::{Failure, Line};

pub(super) const PEER: &str = "governor, LazyLock by hand";

/// A batch of calls of a function that takes the number of a user. What it gives is used as its callers do: to hide a
/// whole `Result` from the optimiser would be to measure that it is copied.
macro_rules! calls {
    ($function:expr) => {
        |calls| {
            for user in 0..calls {
                black_box($function(black_box(user % USERS))?);
            }
            Ok(())
        }
    };
}

/// The attribute over the same by hand.
macro_rules! attribute {
    ($name:literal, $ours:expr, $by_hand:expr) => {
        Contest { name: $name, run: || pair($name, $ours, $by_hand) }
    };
}

pub(super) const SYNC: Contest =
    attribute!("attribute over by hand, sync", calls!(by_attribute::sync), calls!(by_hand::sync));
pub(super) const ASYNC: Contest =
    attribute!("attribute over by hand, async", calls!(by_attribute::polled), calls!(by_hand::polled));
pub(super) const KEYED: Contest =
    attribute!("attribute over by hand, keyed, sync", calls!(by_attribute::keyed), calls!(by_hand::keyed));
pub(super) const KEYED_ASYNC: Contest = attribute!(
    "attribute over by hand, keyed, async",
    calls!(by_attribute::keyed_polled),
    calls!(by_hand::keyed_polled)
);
pub(super) const BY_NAME: Contest = attribute!(
    "attribute over by hand, by name, sync",
    |calls| {
        registered()?;
        calls!(by_attribute::by_name)(calls)
    },
    |calls| {
        let bucket = registered()?;
        calls!(|user| by_hand::handle(black_box(&bucket), user))(calls)
    }
);
pub(super) const NOTHING: Contest =
    attribute!("by hand over by hand, sync", calls!(by_hand::sync_again), calls!(by_hand::sync));
pub(super) const GRANTED: Contest = Contest { name: "annotated", run: || Ok(granted()) };

fn pair(name: &'static str, ours: Side, by_hand: Side) -> Result<Vec<Line>, Failure> {
    let pair = both(ours, by_hand)?;
    let sides = [(OURS, pair.ours), (BY_HAND, pair.peer), (ADDED, pair.added)];
    Ok(sides.into_iter().map(|(who, spread)| Line::new(name, who, "ns", spread)).collect())
}

fn granted() -> Vec<Line> {
    let by_throttle_my_fn = |calls| {
        for _ in 0..calls {
            black_box(by_throttle_my_fn()).ok_or(REFUSAL)?;
        }
        Ok(())
    };
    let entrants = vec![
        Entrant::new(OURS, calls!(by_attribute::sync)),
        Entrant::new(PEER, calls!(by_peers::governor)),
        Entrant::new(THROTTLE_MY_FN, by_throttle_my_fn),
    ];
    let taken = by_turns(entrants, Duration::from_micros(200), 400);
    taken.into_iter().map(|taken| taken.line(ANNOTATED)).collect()
}

/// More would measure the table of keys.
const USERS: u32 = 16;

pub(super) static BUCKET: Bucket = Bucket::new("benches", ALWAYS.rate());

const NAME: &str = "benches.by-name";

fn registered() -> Result<Bucket, rate_limited::Error> {
    let registry = Registry::global();
    registry.get(NAME).or_else(|_| registry.register(Bucket::named(NAME, ALWAYS.rate())))
}

/// The value of a future that need not wait.
pub(super) fn at_once<T>(future: impl Future<Output = Result<T, rate_limited::Error>>) -> Result<T, Failure> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => Ok(result?),
        Poll::Pending => Err("a call waited that was to be granted at once".into()),
    }
}
