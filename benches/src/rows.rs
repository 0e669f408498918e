//! The rows: what is measured, against what, and how much is allowed.

mod by_attribute;
mod by_hand;
mod peers;

use std::error::Error;
use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use rate_limited::{Bucket, Rate, Registry};

use crate::measure::{Measured, Side};

/// One line of the table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) ours: Side,
    pub(crate) peer: Side,
    pub(crate) peer_name: &'static str,
    pub(crate) ratio: Ratio,
    /// The most that the ratio may be; `None` = it is reported only.
    pub(crate) limit: Option<f64>,
}

/// What the ratio is; below 1 is better for us.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ratio {
    /// Ours / the peer's.
    OfMedians,
    /// What ours takes longer than the peer's / so many units.
    OfDifferenceTo(f64),
}

impl Row {
    pub(crate) fn ratio(&self, measured: &Measured) -> f64 {
        match self.ratio {
            Ratio::OfMedians => measured.ours.median / measured.peer.median,
            Ratio::OfDifferenceTo(bound) => measured.added.median / bound,
        }
    }
}

/// A batch of calls of a function that takes the number of a user.
macro_rules! calls {
    ($function:expr) => {
        |calls| {
            for user in 0..calls {
                black_box($function(black_box(user % USERS)))?;
            }
            Ok(())
        }
    };
}

pub(crate) const ROWS: &[Row] = &[
    attribute("attribute over by hand, sync", calls!(by_attribute::sync), calls!(by_hand::sync)),
    attribute("attribute over by hand, async", calls!(by_attribute::polled), calls!(by_hand::polled)),
    attribute("attribute over by hand, keyed, sync", calls!(by_attribute::keyed), calls!(by_hand::keyed)),
    attribute(
        "attribute over by hand, keyed, async",
        calls!(by_attribute::keyed_polled),
        calls!(by_hand::keyed_polled),
    ),
    attribute(
        "attribute over by hand, by name, sync",
        |calls| {
            registered()?;
            calls!(by_attribute::by_name)(calls)
        },
        |calls| {
            let bucket = registered()?;
            calls!(|user| by_hand::handle(black_box(&bucket), user))(calls)
        },
    ),
    // What the way of measuring finds between two functions that are the same.
    Row {
        limit: None,
        ..attribute("by hand over by hand, sync", calls!(by_hand::sync_again), calls!(by_hand::sync))
    },
    Row {
        name: "annotated, granted",
        unit: "ns",
        ours: calls!(by_attribute::sync),
        peer: calls!(peers::governor),
        peer_name: "governor, LazyLock by hand",
        ratio: Ratio::OfMedians,
        limit: None,
    },
];

/// The attribute beside the same acquire by hand, on the same bucket: it may take 1 ns longer.
const fn attribute(name: &'static str, ours: Side, peer: Side) -> Row {
    let peer_name = "the same acquire by hand";
    Row { name, unit: "ns", ours, peer, peer_name, ratio: Ratio::OfDifferenceTo(1.0), limit: Some(1.0) }
}

/// More would measure the table of keys.
const USERS: u32 = 16;

/// Always grants: never so many calls are made.
const RATE: Rate = Rate::per_second(1_000_000_000).burst(u32::MAX);

static BUCKET: Bucket = Bucket::new("benches", RATE);

const NAME: &str = "benches.by-name";

fn registered() -> Result<Bucket, rate_limited::Error> {
    let registry = Registry::global();
    registry.get(NAME).or_else(|_| registry.register(Bucket::named(NAME, RATE)))
}

/// The value of a future that need not wait.
fn at_once<T>(future: impl Future<Output = Result<T, rate_limited::Error>>) -> Result<T, Box<dyn Error>> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => Ok(result?),
        Poll::Pending => Err("a call waited that was to be granted at once".into()),
    }
}
