//! Any bytes are the headers of an answer: nothing panics, and what is told makes sense.
//!
//! The first line is the status and the time, each further one a name and a value with a colon between them.
#![no_main]

use std::time::{Duration, UNIX_EPOCH};

use libfuzzer_sys::fuzz_target;
use ratelimit_core::feedback::Feedback;

type Header<'a> = (&'a [u8], &'a [u8]);

fuzz_target!(|bytes: &[u8]| {
    let mut lines = bytes.split(|byte| *byte == b'\n');
    let (status, now) = start(lines.next().unwrap_or_default());
    let headers: Vec<Header> = lines.map(header).collect();
    let read = |headers: &[Header]| {
        let lines = headers.iter().copied();
        Feedback::from_headers(status, lines, UNIX_EPOCH + Duration::from_secs(now))
    };
    let told = read(&headers);
    match &told {
        None => assert_ne!(status, 429),
        Some(told) => makes_sense(status, told),
    }
    // Each header that is blanked is as good as one that is not there.
    if let Some(at) = (now as usize).checked_rem(headers.len()) {
        let (mut blank, mut without) = (headers.clone(), headers);
        blank[at].1 = b" ";
        without.remove(at);
        assert_eq!(read(&blank), read(&without));
    }
});

fn makes_sense(status: u16, told: &Feedback) {
    assert_ne!(*told, Feedback::default());
    assert!(told.reset_after.is_some() || !told.whole_seconds);
    assert!(told.bucket.as_ref().is_none_or(|name| name.is_ascii() && !name.trim_ascii().is_empty()));
    let is_told_to_wait = told.retry_after.is_some();
    let is_rejected = match status {
        429 => true,
        503 => is_told_to_wait,
        403 | 420 => is_told_to_wait || told.remaining == Some(0),
        _ => false,
    };
    assert_eq!(told.rejected, is_rejected);
}

/// `429 1700000000`; what is no number is zero.
fn start(line: &[u8]) -> (u16, u64) {
    let line = String::from_utf8_lossy(line);
    let (status, now) = line.split_once(' ').unwrap_or((&line, ""));
    // Not so late that the system cannot tell the time.
    (status.parse().unwrap_or(0), now.parse().unwrap_or(0) & (u64::MAX >> 2))
}

fn header(line: &[u8]) -> Header<'_> {
    let colon = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
    (&line[..colon], line.get(colon + 1..).unwrap_or_default())
}
