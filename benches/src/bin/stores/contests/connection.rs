//! What an acquire takes longer than a PING: the trip is the same, so the rest is the limiter's.

use std::time::Duration;

use super::redis_calls::{Calls, FILL, Took};
use crate::measure::{Failure, Measured, p50};
use crate::rows::{PING_BARE, PING_SLIDING, PING_THREE, PING_TOKENS};
use crate::server::Server;

const ROUND: Duration = Duration::from_millis(200);
const ROUNDS: usize = 30;

pub(super) fn run() -> Result<Vec<Measured>, Failure> {
    let server = Server::start()?;
    let mut calls = Calls::new(&server)?;
    calls.call_for(FILL)?;
    let rounds = (0..ROUNDS).map(|_| calls.call_for(ROUND)).collect::<Result<Vec<_>, _>>()?;
    calls.confirm_full()?;
    let beside = |row, ours: fn(&Took) -> &Vec<f64>| {
        let rounds: Vec<_> =
            rounds.iter().map(|took| (p50(ours(took).clone()), p50(took.ping.clone()))).collect();
        Measured::beside(row, "us", &rounds)
    };
    Ok(vec![
        beside(PING_TOKENS, |took| &took.tokens),
        beside(PING_SLIDING, |took| &took.sliding),
        beside(PING_THREE, |took| &took.three),
        beside(PING_BARE, |took| &took.bare),
    ])
}
