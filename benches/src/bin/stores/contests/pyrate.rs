//! The same calls by PyrateLimiter, on the same server. It is another process, so the two call one after the other, each
//! for a while, again and again.

use std::time::Duration;

use super::redis_calls::{Calls, FILL};
use crate::measure::{Failure, Measured, p50};
use crate::python::Peer;
use crate::rows::{PYRATE_SLIDING, PYRATE_THREE, PYRATE_TOKENS};
use crate::server::Server;

const SPAN: Duration = Duration::from_secs(2);
const ROUNDS: usize = 3;

pub(super) fn run() -> Result<Vec<Measured>, Failure> {
    let server = Server::start()?;
    let mut peer = Peer::start(server.port())?;
    let mut calls = Calls::new(&server)?;
    let (mut tokens, mut sliding, mut three) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let theirs = peer.call_for(FILL, SPAN)?;
        // Meanwhile the windows have run empty.
        calls.call_for(FILL)?;
        let ours = calls.call_for(SPAN)?;
        calls.confirm_full()?;
        tokens.push((p50(ours.tokens), theirs.tokens));
        sliding.push((p50(ours.sliding), theirs.sliding));
        three.push((p50(ours.three), theirs.three));
    }
    Ok(vec![
        Measured::beside(PYRATE_TOKENS, "us", &tokens),
        Measured::beside(PYRATE_SLIDING, "us", &sliding),
        Measured::beside(PYRATE_THREE, "us", &three),
    ])
}
