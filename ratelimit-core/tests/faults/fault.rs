//! What fails, how, and how it is well again.

use crate::machine::must;
use crate::proxy::{Manner, Proxy};
use crate::redis_server::RedisServer;

/// A server, and a network in front of it.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) server: RedisServer,
    proxy: Proxy,
    url: String,
}

impl Place {
    /// Where the server is reached, by the network if that is what fails.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}

/// A fault of a server, or of the network to it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fault {
    /// What the server is started with.
    options: &'static [&'static str],
    is_of_network: bool,
    pub(crate) fail: fn(&mut Place),
    pub(crate) mend: fn(&mut Place),
    /// One of which stands in every failure.
    pub(crate) reasons: &'static [&'static str],
}

impl Fault {
    /// What is to fail; `None` where no server is installed.
    pub(crate) fn place(&self) -> Option<Place> {
        let server = RedisServer::start_with(self.options)?;
        let proxy = Proxy::before(server.port());
        let url = if self.is_of_network { proxy.url() } else { server.url() };
        Some(Place { server, proxy, url })
    }

    const fn of_server(fail: fn(&mut Place), mend: fn(&mut Place), reasons: &'static [&'static str]) -> Self {
        Fault { options: &[], is_of_network: false, fail, mend, reasons }
    }

    const fn of_network(fail: fn(&mut Place), reasons: &'static [&'static str]) -> Self {
        Fault {
            options: &[],
            is_of_network: true,
            fail,
            mend: |place| place.proxy.set(Manner::Pass),
            reasons,
        }
    }
}

/// Whoever finds no time left for a trip behind those of others is told so.
const REFUSED: &[&str] = &[
    "connection",
    "Connection refused",
    "Broken pipe",
    "reset",
    "no time left",
    "did not answer",
    "was not reached",
];
const CUT: &[&str] = &["connection", "reset", "Broken pipe", "closed", "no time left"];
const SILENT: &[&str] = &["did not answer", "was not reached", "no time left"];

fn told(place: &Place, words: &str) {
    let said: String = place.server.run(words);
    must(said == "OK", || format!("{words}: {said}"));
}

/// It comes back with what it knew.
pub(crate) const KILLED: Fault = Fault {
    options: &["--appendonly", "yes", "--appendfsync", "always"],
    ..Fault::of_server(|place| place.server.kill(), |place| place.server.restart(), REFUSED)
};

pub(crate) const KILLED_AND_EMPTY: Fault =
    Fault::of_server(|place| place.server.kill(), |place| place.server.restart(), REFUSED);

/// In no time.
pub(crate) const STARTED_ANEW: Fault = Fault::of_server(|place| place.server.restart(), |_| (), REFUSED);

/// Twice.
pub(crate) const FLUSHED: Fault =
    Fault::of_server(|place| told(place, "FLUSHALL"), |place| told(place, "FLUSHALL"), &[]);

pub(crate) const STOPPED: Fault =
    Fault::of_server(|place| place.server.signal("STOP"), |place| place.server.signal("CONT"), SILENT);

pub(crate) const READ_ONLY: Fault = Fault::of_server(
    |place| told(place, "REPLICAOF 127.0.0.1 1"),
    |place| told(place, "REPLICAOF NO ONE"),
    &["READONLY"],
);

pub(crate) const OUT_OF_MEMORY: Fault = Fault::of_server(
    |place| told(place, "CONFIG SET maxmemory 1"),
    |place| told(place, "CONFIG SET maxmemory 0"),
    &["OOM"],
);

pub(crate) const CUT_BEFORE: Fault = Fault::of_network(|place| place.proxy.set(Manner::CutBefore), CUT);
pub(crate) const CUT_AFTER: Fault = Fault::of_network(|place| place.proxy.set(Manner::CutAfter), CUT);
pub(crate) const SWALLOWED: Fault = Fault::of_network(|place| place.proxy.set(Manner::Swallow), SILENT);

/// So that a trip takes far longer than the guard, and not as long as it may.
pub(crate) const SLOW: Fault = Fault::of_network(|place| place.proxy.set(Manner::slow_by_millis(40)), SILENT);
/// Longer than a trip may take: what was asked for arrives when nobody waits for it any more.
pub(crate) const TOO_SLOW: Fault =
    Fault::of_network(|place| place.proxy.set(Manner::slow_by_millis(600)), SILENT);
/// So that it arrives when all is well again.
pub(crate) const FAR_TOO_SLOW: Fault =
    Fault::of_network(|place| place.proxy.set(Manner::slow_by_millis(3_000)), SILENT);
