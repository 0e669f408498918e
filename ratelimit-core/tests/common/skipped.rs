//! Tests that need a program or a right that not every machine has.

#![allow(dead_code, reason = "each test crate uses its own part")]

use std::io::Write;
use std::thread;

/// Whether what a test needs has to be there, as in `cargo xtask test`, which installs it.
pub(crate) fn is_needed() -> bool {
    std::env::var_os("RATE_LIMITED_NEEDS_SERVERS").is_some()
}

/// The test that calls this is left out, for that reason.
///
/// # Panics
///
/// Where all that tests need has to be there.
pub(crate) fn for_want_of(what: &str) {
    assert!(!is_needed(), "{what}");
    say(what);
}

/// Past the capture of what tests print, as who skips a test has to be told.
pub(crate) fn say(why: &str) {
    let _ = writeln!(std::io::stderr(), "skipped {:?}: {why}", thread::current().name().unwrap_or_default());
}
