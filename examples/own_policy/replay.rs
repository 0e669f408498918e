//! What the Python package limits decided (5.8.0, its sliding window counter), in `fixtures`: a header with the limit, then
//! one call a line; played on a bucket. Its floats tell other numbers than exact arithmetic about what remains, so the decisions alone are
//! compared.

use std::fs;
use std::path::Path;

use rate_limited::clock::{ManualClock, Timestamp};
use rate_limited::{Bucket, ErrorKind};
use serde::Deserialize;

use crate::sliding_counter::SlidingCounter;

#[derive(Deserialize)]
struct Header {
    config: Config,
    events: usize,
}

#[derive(Deserialize)]
struct Config {
    limit: u32,
    interval_ns: u64,
    /// What the clock showed when the trace began: windows are cut from its zero on.
    epoch_ns: u64,
}

#[derive(Deserialize)]
struct Call {
    t_ns: u64,
    w: u32,
    ok: bool,
}

#[test]
fn it_decides_as_the_original() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("own_policy/fixtures");
    let (mut traces, mut granted, mut refused, mut never) = (0, 0, 0, 0);
    for entry in fs::read_dir(folder).expect("traces") {
        let path = entry.expect("an entry").path();
        let text = fs::read_to_string(&path).expect("a trace");
        let mut lines = text.lines();
        let header: Header = serde_json::from_str(lines.next().expect("a header")).expect("a header");
        let clock = ManualClock::new();
        let policy = SlidingCounter::new(header.config.limit, header.config.interval_ns);
        let bucket = Bucket::with_policy("replayed", policy).clock(clock.clone());
        let mut calls = 0;
        for line in lines {
            let call: Call = serde_json::from_str(line).expect("a call");
            clock.set(Timestamp::from_nanos(header.config.epoch_ns + call.t_ns));
            let decided = bucket.request().weight(call.w).try_acquire();
            assert_eq!(decided.is_ok(), call.ok, "{line} in {}: {decided:?}", path.display());
            match decided.map_err(|error| error.kind()) {
                Ok(_permit) => granted += 1,
                Err(ErrorKind::TooHeavy) => never += 1,
                Err(_) => refused += 1,
            }
            calls += 1;
        }
        assert_eq!(calls, header.events, "{}", path.display());
        traces += 1;
    }
    println!("{traces} traces: {granted} calls granted, {refused} refused until later, {never} for ever");
    assert_eq!((traces, granted, refused, never), (10, 735, 918, 40));
}
