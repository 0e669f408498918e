//! Which lists of rates are accepted.
//!
//! The peer wants every list to be in order, and every rate to be able to refuse what no other does. Ours needs no order
//! and takes all rates together, so that one which others imply does no harm. What is left is one span twice with
//! different amounts, of which only one can be meant: that both refuse.

use std::time::Duration;

use ratelimit_core::{Bucket, ErrorKind, Rate};
use serde::Deserialize;

use crate::replay::{Engine, Peer, Tally, replay};

#[derive(Deserialize)]
struct Config {}

#[derive(Deserialize)]
struct Validate {
    /// Amounts and milliseconds.
    rates: Vec<(u32, u64)>,
    valid_as_given: bool,
    /// In order; nothing if the peer's bucket refuses them even so.
    bucket_rates: Option<Vec<(u32, u64)>>,
}

struct Validator;

fn rate((amount, millis): (u32, u64)) -> Rate {
    Rate::new(amount, Duration::from_millis(millis))
}

/// Two rates of one span that are not the same.
fn contradiction(rates: &[(u32, u64)]) -> Option<[Rate; 2]> {
    rates.iter().enumerate().find_map(|(index, a)| {
        let b = rates.iter().skip(index + 1).find(|b| a.1 == b.1 && a.0 != b.0)?;
        Some([rate(*a), rate(*b)])
    })
}

impl Peer for Validator {
    type Config = Config;
    type Event = Validate;

    fn new(_config: Config) -> Self {
        Validator
    }

    /// Of the engine that other peers need.
    fn rates(&self) -> Vec<Rate> {
        vec![Rate::per_second(1)]
    }

    fn replay(&mut self, event: Validate, _engine: &Engine, tally: &mut Tally) {
        let Some((first, others)) = event.rates.split_first() else {
            assert!(!event.valid_as_given);
            return tally.leave_out("left out: a bucket of no rate is made by another constructor");
        };
        let bucket = Bucket::named("list", rate(*first)).guard(Duration::ZERO);
        let bucket = others.iter().fold(bucket, |bucket, next| bucket.and(rate(*next)));
        match (bucket.try_acquire(), event.bucket_rates) {
            (Ok(_started), Some(_)) if event.valid_as_given => tally.count("accepted by both"),
            (Ok(_started), Some(in_order)) => {
                tally.holds("on purpose: accepted out of order", in_order != event.rates);
            }
            (Ok(_started), None) => {
                let contradiction = contradiction(&event.rates);
                tally.holds("on purpose: accepted though one implies another", contradiction.is_none());
            }
            (Err(error), peers) => {
                assert!(peers.is_none() && error.kind() == ErrorKind::Config, "{error}");
                let [a, b] = contradiction(&event.rates).expect("ours refuses nothing else");
                let named = error.to_string().contains(&format!("`{a}` and `{b}`"));
                tally.holds("refused by both, and why", named);
            }
        }
    }
}

#[test]
fn lists_of_rates_are_refused_only_where_pyrate_limiter_does() {
    replay::<Validator>(
        "pyrate/validate",
        &[
            ("accepted by both", 27),
            ("left out: a bucket of no rate is made by another constructor", 27),
            ("on purpose: accepted out of order", 3),
            ("on purpose: accepted though one implies another", 69),
            ("refused by both, and why", 24),
        ],
    );
}
