//! Any bytes are a schedule, played against the oracle of the law tests, whose files these are.
//!
//! Four bytes are the limits and who calls, every further four a step: what is cut out, copied or put elsewhere between
//! schedules is whole steps.
#![no_main]
#![allow(dead_code, reason = "the law tests use more of it")]

#[path = "../../ratelimit-core/tests/common/mod.rs"]
mod common;

#[path = "../../ratelimit-core/tests/laws/calls.rs"]
mod calls;
#[path = "../../ratelimit-core/tests/laws/changes.rs"]
mod changes;
#[path = "../../ratelimit-core/tests/laws/checks.rs"]
mod checks;
#[path = "../../ratelimit-core/tests/laws/met.rs"]
mod met;
#[path = "../../ratelimit-core/tests/laws/mix.rs"]
mod mix;
#[path = "../../ratelimit-core/tests/laws/model.rs"]
mod model;
#[path = "../../ratelimit-core/tests/laws/oracle.rs"]
mod oracle;
#[path = "../../ratelimit-core/tests/laws/own.rs"]
mod own;
#[path = "../../ratelimit-core/tests/laws/plan.rs"]
mod plan;
#[path = "../../ratelimit-core/tests/laws/play.rs"]
mod play;
#[path = "../../ratelimit-core/tests/laws/probe.rs"]
mod probe;
#[path = "../../ratelimit-core/tests/laws/run.rs"]
mod run;
#[path = "../../ratelimit-core/tests/laws/schedule.rs"]
mod schedule;
#[path = "../../ratelimit-core/tests/laws/shape.rs"]
mod shape;
#[path = "../../ratelimit-core/tests/laws/tempo.rs"]
mod tempo;
#[path = "../../ratelimit-core/tests/laws/world.rs"]
mod world;

use libfuzzer_sys::{Corpus, fuzz_target};

use common::Dice;
use mix::Callers;
use run::Run;
use schedule::{Limits, Op, Schedule};

/// More steps show nothing that fewer do not, only later.
const STEPS: usize = 64;

fuzz_target!(|bytes: &[u8]| -> Corpus {
    let mut numbers = bytes.chunks_exact(4).map(|four| Dice::new(number(four)));
    let Some(mut first) = numbers.next() else { return Corpus::Reject };
    // Of the four bytes one bit says whether the numbers are extreme.
    let extreme = first.one_in(2);
    let limits =
        if extreme { Limits::extreme_of_any_kind(&mut first) } else { Limits::of_any_kind(&mut first) };
    let callers = Callers::random(&mut first, extreme.then(|| limits.most()), limits.has_unknown_turns());
    let ops = numbers.take(STEPS).map(|mut dice| Op::random(&mut dice, callers)).collect();
    let schedule = Schedule { limits, ops };
    Run::new(&schedule.limits, false).play_all(&schedule, &mut first);
    Corpus::Keep
});

fn number(four: &[u8]) -> u64 {
    four.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}
