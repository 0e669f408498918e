//! That the schedules meet everything they are meant to meet, about as often as meant.

use super::*;

const SCALE: Scale = Scale { heaviest: 10, span: 1000 };
const MANY: u64 = 20_000;

/// How many of a hundred thousand are so.
fn share<T>(made: &[T], is_so: impl Fn(&T) -> bool) -> usize {
    made.iter().filter(|made| is_so(made)).count() * 100_000 / made.len()
}

fn many<T>(make: impl Fn(&mut Random) -> T) -> Vec<T> {
    let mut random = Random::new(7);
    (0..MANY).map(|_| make(&mut random)).collect()
}

/// Of twenty thousand, the share of something that is rare is a tenth off at times.
#[track_caller]
fn about(share: usize, expected: usize) {
    let near = expected - expected / 7..=expected + expected / 7;
    assert!(near.contains(&share), "{share} of a hundred thousand, and not {near:?}");
}

/// The numbers that the generator's authors give for this seed.
#[test]
fn the_generator_is_the_one_it_is_said_to_be() {
    let mut random = Random::new(1_234_567);
    let numbers: [u64; 3] = std::array::from_fn(|_| random.next());
    assert_eq!(numbers, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    assert_eq!(random.below(0), 0);
    assert!(many(|random| random.below(3)).iter().all(|number| *number < 3));
}

#[test]
fn one_start_in_eight_is_extreme() {
    let starts: Vec<u64> = (0..MANY).map(|seed| Schedule::random(seed, 1, SCALE).start.as_nanos()).collect();
    about(share(&starts, |start| *start == 0), 25_000);
    about(share(&starts, |start| (1..4000).contains(start)), 65_625);
    about(share(&starts, |start| *start > u64::MAX - 4000), 3_125);
    about(share(&starts, |start| (4000..=u64::MAX - 4000).contains(start)), 6_250);
}

#[test]
fn a_schedule_has_from_one_step_to_as_many_as_wanted() {
    let lengths: Vec<usize> = (0..MANY).map(|seed| Schedule::random(seed, 5, SCALE).steps.len()).collect();
    for length in 1..=5 {
        about(share(&lengths, |other| *other == length), 20_000);
    }
    assert!((0..99).all(|seed| Schedule::random(seed, 0, SCALE).steps.len() == 1));
}

#[test]
fn every_step_comes_up() {
    let steps = many(|random| random.step(SCALE, false));
    about(share(&steps, |step| matches!(step, Step::Wait(_))), 15_789);
    about(share(&steps, |step| matches!(step, Step::WaitFor { edge: Edge::Before, .. })), 3_947);
    about(share(&steps, |step| matches!(step, Step::WaitFor { edge: Edge::At, .. })), 7_895);
    about(share(&steps, |step| matches!(step, Step::WaitFor { edge: Edge::After, .. })), 3_947);
    about(share(&steps, |step| matches!(step, Step::WaitUntilIdle(_))), 5_263);
    about(share(&steps, |step| matches!(step, Step::Take(_))), 21_053);
    about(share(&steps, |step| matches!(step, Step::Charge(_))), 10_526);
    about(share(&steps, |step| matches!(step, Step::End(_))), 21_053);
    about(share(&steps, |step| matches!(step, Step::Answer(..))), 10_526);
    assert!((0..16).all(|call| steps.iter().any(|step| matches!(step, Step::End(other) if *other == call))));
}

#[test]
fn answers_say_everything_and_nothing() {
    let answers = many(|random| random.feedback(SCALE));
    about(share(&answers, |answer| answer.rejected), 33_333);
    about(share(&answers, |answer| answer.limit.is_none() && answer.remaining.is_none()), 25_000);
    about(share(&answers, |answer| answer.reset_after.is_some() && answer.retry_after.is_some()), 25_000);
    about(share(&answers, |answer| answer.scope == Scope::Global), 25_000);
    about(share(&answers, |answer| answer.bucket.is_some()), 25_000);
    about(share(&answers, |answer| answer.whole_seconds), 25_000);
    assert!(answers.iter().any(|answer| answer.remaining == Some(0)));
    assert!(answers.iter().any(|answer| answer.limit > Some(u64::from(u32::MAX) - 2)));
}

#[test]
fn waits_lie_around_the_scale() {
    let waits = many(|random| random.wait(SCALE, false));
    assert!(waits.iter().all(|wait| *wait < 3000));
    about(share(&waits, |wait| *wait == 1), 12_600);
    about(share(&waits, |wait| *wait < 300), 46_250);
    about(share(&waits, |wait| *wait == 1000), 12_500);
    about(share(&waits, |wait| *wait == 1001), 12_500);
    about(share(&waits, |wait| *wait > 1001), 8_333);
    assert!(share(&waits, |wait| *wait == 0) < 1000);
    let extreme = many(|random| random.wait(SCALE, true));
    about(share(&extreme, |wait| *wait >= 3000), 11_111);
}

#[test]
fn weights_lie_around_the_scale() {
    let weights = many(|random| random.weight(SCALE, false));
    assert!(weights.iter().all(|weight| (1..=20).contains(weight)));
    about(share(&weights, |weight| *weight <= 3), 50_625);
    about(share(&weights, |weight| *weight == 10), 16_875);
    about(share(&weights, |weight| *weight > 10), 6_250);
    let extreme = many(|random| random.weight(SCALE, true));
    about(share(&extreme, |weight| *weight == u32::MAX), 5_556);
    about(share(&extreme, |weight| *weight == u32::MAX - 1), 5_556);
}

#[test]
fn half_of_the_calls_are_refunded_whole_in_part_or_beyond() {
    let calls = many(|random| random.call(SCALE, false));
    about(share(&calls, |call| call.refund.is_none()), 50_000);
    about(share(&calls, |call| call.refund == Some(call.weight)), 16_667);
    about(share(&calls, |call| call.refund == Some(call.weight + 1)), 16_667);
    about(share(&calls, |call| call.refund.is_some_and(|refund| refund < call.weight)), 16_667);
    let may: Vec<_> = calls.iter().filter(|call| call.refund > Some(1)).collect();
    about(share(&may, |call| call.in_parts), 25_000);
    assert!(calls.iter().all(|call| call.refund > Some(1) || !call.in_parts), "one cannot be halved");
}
