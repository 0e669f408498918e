//! Any bytes are a state in a store: they are judged or refused, and what is written is read as it was written.
//!
//! The first byte is which ask, the second how much later than the sample's own starts it is made.
#![no_main]

use std::sync::LazyLock;
use std::time::Duration;

use libfuzzer_sys::{Corpus, fuzz_target};
use ratelimit_core::store::Ask;
use ratelimit_core::store::conformance::samples;

static SAMPLES: LazyLock<Vec<(Ask, Ask)>> = LazyLock::new(samples);

fuzz_target!(|bytes: &[u8]| -> Corpus {
    let Some(([which, later], state)) = bytes.split_first_chunk() else { return Corpus::Reject };
    let (ask, touch) = &SAMPLES[usize::from(*which) % SAMPLES.len()];
    // From a millisecond before to a day after.
    let micros = 1_000_000_000_000_000 - 1_000 + (u64::from(*later) * u64::from(*later)).pow(2) * 20;
    let now = Duration::from_micros(micros);
    let Ok(judged) = ask.judge(now, &[Some(state)]) else { return Corpus::Keep };
    for written in judged.writes().flatten() {
        let again = touch.judge(now, &[Some(written.state())]).expect("what was written is read");
        let again = again.writes().flatten().next().expect("it is written again");
        assert_eq!(again, written);
    }
    Corpus::Keep
});
