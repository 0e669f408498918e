//! What is measured in a process of its own: memory, and the first call of all.

#![expect(clippy::disallowed_methods, reason = "it is real time that is measured")]

use std::ffi::OsStr;
use std::time::Instant;

use rate_limited::{Bucket, rate_limited};

use super::{Contest, FIRST_USE as FIRST_USE_ROW, HEAP as HEAP_ROW, HEAP_BEYOND};
use crate::limiters::{ALWAYS, GOVERNOR, Governor, Limiter, Made, OURS};
use crate::measure::{Failure, Line, Spread, child};

pub(super) const HEAP: Contest = Contest { name: "heap", run: heap };
pub(super) const FIRST_USE: Contest = Contest { name: "first use", run: first_use };

const STARTS: usize = 30;

fn heap() -> Result<Vec<Line>, Failure> {
    let mut lines = Vec::new();
    for who in [OURS, GOVERNOR, "rate-net"] {
        let numbers = child::other(child::HEAP, &[who])?;
        let [filled, beyond] = numbers[..] else {
            return Err(format!("{numbers:?} are not the two numbers of the heap").into());
        };
        lines.push(Line::new(HEAP_ROW, who, "bytes", Spread::of(vec![filled])));
        lines.push(Line::new(HEAP_BEYOND, who, "bytes", Spread::of(vec![beyond])));
    }
    Ok(lines)
}

fn first_use() -> Result<Vec<Line>, Failure> {
    let mut lines = Vec::new();
    for who in [OURS, GOVERNOR] {
        let micros: Result<Vec<_>, _> = (0..STARTS).map(|_| child::itself(&["--first-use", who])).collect();
        let micros = micros?.into_iter().flatten().collect();
        lines.push(Line::new(FIRST_USE_ROW, who, "us", Spread::of(micros)));
    }
    Ok(lines)
}

static FIRST: Bucket = Bucket::new("benches.first", ALWAYS.rate());

#[rate_limited(bucket = FIRST)]
fn annotated() -> Result<(), rate_limited::Error> {
    Ok(())
}

/// What a process does that [`first_use`] started: the first call of its life, in microseconds.
pub(crate) fn print_first_use(who: &OsStr) -> Result<(), Failure> {
    let who = who.to_str().unwrap_or_default();
    // The first reading of the clock is the process's business, and not the bucket's.
    let _ = Instant::now();
    let started = Instant::now();
    match who {
        OURS => annotated()?,
        GOVERNOR => drop(std::hint::black_box(<Governor as Made>::new(ALWAYS)?.take())),
        _ => return Err(format!("{who:?} has no first use").into()),
    }
    println!("{}", started.elapsed().as_secs_f64() * 1e6);
    Ok(())
}
