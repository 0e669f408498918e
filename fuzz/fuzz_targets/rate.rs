//! Any text is a rate or an error, and what a rate prints is read as the same rate.
#![no_main]

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use ratelimit_core::Rate;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(text) = std::str::from_utf8(bytes) {
        match text.parse::<Rate>() {
            Ok(rate) => is_read_as_printed(rate),
            Err(error) => assert!(error.to_string().contains("invalid rate"), "{error}"),
        }
    }
    if let Some(rate) = made_of(bytes) {
        is_read_as_printed(rate);
    }
});

fn is_read_as_printed(rate: Rate) {
    assert!(rate.amount() > 0 && !rate.per().is_zero() && rate.burst_amount() != Some(0));
    let printed = rate.to_string();
    let read: Rate = printed.parse().expect("what was printed is a rate");
    assert_eq!((read, read.to_string()), (rate, printed));
}

/// Amount, span, shape and burst by number, or nothing where these are none of a rate.
fn made_of(bytes: &[u8]) -> Option<Rate> {
    let (amount, rest) = bytes.split_first_chunk()?;
    let (per, rest) = rest.split_first_chunk()?;
    let rate =
        Rate::try_new(u32::from_le_bytes(*amount), Duration::from_nanos(u64::from_le_bytes(*per))).ok()?;
    match rest.split_first()? {
        (0, _) => Some(rate),
        (1, _) => Some(rate.fixed()),
        (_, burst) => Some(rate.burst(u32::from_le_bytes(*burst.first_chunk()?).max(1))),
    }
}
