//! The scenarios that need one window alone; whole runs against servers go through a bucket (`tests/learned/runs.rs`).

use std::time::Duration;

use super::*;

const MS: u64 = 1_000_000;

fn at(millis: u64) -> Timestamp {
    Timestamp::from_nanos(millis * MS)
}

fn sent(millis: u64) -> Sent {
    Sent { at: at(millis), weight: 1 }
}

fn said(limit: u64, remaining: u64, millis: u64) -> Feedback {
    Feedback {
        limit: Some(limit),
        remaining: Some(remaining),
        reset_after: Some(Duration::from_millis(millis)),
        ..Feedback::default()
    }
}

fn rejected(retry_after: Option<u64>) -> Feedback {
    Feedback { rejected: true, retry_after: retry_after.map(Duration::from_millis), ..Feedback::default() }
}

fn learned() -> Learned {
    Learned::new(Manner { probes: true, remember: 3_600 * SECOND })
}

/// A window of which this was said at 0 to a call sent then.
fn window(answer: &Feedback) -> Learned {
    let mut window = learned();
    window.commit(at(0), 1);
    assert_eq!(window.answer(sent(0), at(0), answer), None);
    window
}

/// How many calls of weight 1 start at `millis`, and what the next is told.
fn starts(window: &mut Learned, millis: u64) -> (u32, Earliest) {
    for started in 0..1_000 {
        match window.earliest(at(millis), 1) {
            Earliest::At(time) if time == at(millis) => window.commit(at(millis), 1),
            later => return (started, later),
        }
    }
    (1_000, Earliest::Never)
}

const UNKNOWN: Earliest = Earliest::WhenSettled;

fn by(millis: u64) -> Earliest {
    Earliest::At(at(millis))
}

#[test]
fn s1_one_call_finds_out_for_all() {
    let mut window = learned();
    assert_eq!(starts(&mut window, 0), (1, UNKNOWN));
    window.answer(sent(0), at(100), &said(5, 4, 1000));
    assert_eq!(starts(&mut window, 100), (4, by(1100)));
}

#[test]
fn s3_a_dropped_probe_is_replaced_by_the_next() {
    let mut window = learned();
    assert_eq!(starts(&mut window, 0).0, 1);
    window.no_news(sent(0), at(50));
    assert_eq!(starts(&mut window, 50), (1, UNKNOWN));
    window.answer(sent(50), at(100), &said(5, 3, 1000));
    assert_eq!(starts(&mut window, 100).0, 3);
}

/// Unlike a server that is silent only now, one that never speaks of limits holds nobody up.
#[test]
fn whatever_the_first_answer_says_ends_the_probing() {
    let mut window = learned();
    window.commit(at(0), 1);
    window.answer_without_news(sent(0), at(10));
    assert_eq!(starts(&mut window, 10).0, 1_000);
    let mut window = learned();
    window.commit(at(0), 1);
    window.answer(sent(0), at(10), &Feedback::default());
    assert_eq!(starts(&mut window, 10).0, 1_000);
    let mut window = learned();
    window.commit(at(0), 1);
    window.answer(sent(0), at(10), &rejected(Some(500)));
    assert_eq!(starts(&mut window, 10), (0, by(510)));
    assert_eq!(starts(&mut window, 510).0, 1_000);
}

#[test]
fn s6_what_is_exhausted_is_open_at_its_end_and_not_before() {
    let mut window = window(&said(10, 0, 1000));
    assert_eq!([starts(&mut window, 0), starts(&mut window, 999)], [(0, by(1000)); 2]);
    assert_eq!(starts(&mut window, 1000), (10, UNKNOWN));
}

#[test]
fn s9_who_is_in_flight_counts_in_the_next_window_too() {
    let mut window = window(&said(2, 1, 1000));
    assert_eq!(starts(&mut window, 0), (1, by(1000)));
    assert_eq!(starts(&mut window, 1000), (1, UNKNOWN));
    window.answer(sent(0), at(1010), &said(2, 0, 0));
    assert_eq!(starts(&mut window, 1010), (1, UNKNOWN), "the old window's answer frees a place");
}

#[test]
fn s11_what_is_in_flight_may_not_be_counted_yet() {
    let mut window = window(&said(6, 5, 1000));
    (0..3).for_each(|_| window.commit(at(0), 1));
    window.answer(sent(0), at(20), &said(6, 4, 1000));
    let mut two = window.clone();
    assert_eq!(starts(&mut two, 20).0, 2);
    window.answer(sent(0), at(30), &said(6, 3, 1000));
    let mut two = window.clone();
    assert_eq!(starts(&mut two, 30).0, 2);
    window.answer(sent(0), at(40), &said(6, 2, 1000));
    assert_eq!(starts(&mut window, 40).0, 2);
}

#[test]
fn s13_answers_in_any_order_say_the_least() {
    let mut window = window(&said(6, 5, 1000));
    (0..2).for_each(|_| window.commit(at(0), 1));
    window.answer(sent(0), at(20), &said(6, 3, 980));
    window.answer(sent(0), at(30), &said(6, 4, 970));
    assert_eq!(starts(&mut window, 30).0, 3);
}

#[test]
fn s16_whole_seconds_are_one_window() {
    let mut window = learned();
    let whole = |remaining, secs: u64| Feedback { whole_seconds: true, ..said(10, remaining, secs * 1000) };
    (0..3).for_each(|_| window.commit(at(0), 1));
    window.answer(sent(0), at(100), &whole(7, 10));
    window.answer(sent(400), at(500), &whole(5, 10));
    window.answer(sent(0), at(600), &whole(6, 10));
    assert_eq!(starts(&mut window, 600).0, 5);
    let mut window = learned();
    (0..2).for_each(|_| window.commit(at(0), 1));
    window.answer(sent(0), at(100), &said(10, 3, 10_000));
    window.answer(sent(400), at(500), &said(10, 8, 10_000));
    assert_eq!(starts(&mut window, 500).0, 8, "with fractions they are two");
}

#[test]
fn s24_the_latest_end_of_a_pause_counts() {
    for (waits, end) in [([(0, 10_000), (1000, 100)], 10_000), ([(0, 100), (50, 10_000)], 10_050)] {
        let mut window = learned();
        window.commit(at(0), 2);
        for (millis, wait) in waits {
            window.answer(sent(0), at(millis), &rejected(Some(wait)));
        }
        assert_eq!(window.earliest(at(1000), 1), by(end));
        window.commit(at(1000), 1);
        window.answer(sent(1000), at(1010), &said(9, 9, 0));
        assert_eq!(window.earliest(at(1010), 1), by(end), "nothing shortens it");
    }
}

#[test]
fn a_global_rejection_is_told_to_the_bucket() {
    let mut window = learned();
    window.commit(at(0), 2);
    let global = Feedback { scope: Scope::Global, ..rejected(Some(700)) };
    assert_eq!(window.answer(sent(0), at(20), &global), Some(at(720)));
    let shared = Feedback { scope: Scope::Shared, ..rejected(Some(700)) };
    assert_eq!(window.answer(sent(0), at(20), &shared), None);
    assert_eq!(window.earliest(at(20), 1), by(720));
}

#[test]
fn a_rejection_waits_for_what_it_says() {
    let wait = |answer: Feedback| {
        let mut window = learned();
        window.commit(at(0), 1);
        window.answer(sent(0), at(0), &answer);
        window.paused_until.as_nanos() / MS
    };
    let exhausted = || Feedback { rejected: true, ..said(5, 0, 4000) };
    assert_eq!(wait(exhausted()), 4000);
    assert_eq!(wait(Feedback { retry_after: Some(Duration::from_secs(9)), ..exhausted() }), 9000);
    assert_eq!(wait(Feedback { remaining: None, ..exhausted() }), 4000);
    // Another limit that is not told.
    assert_eq!(wait(Feedback { remaining: Some(4), ..exhausted() }), 1000);
    let accepted = Feedback { retry_after: Some(Duration::from_secs(9)), ..said(5, 3, 4000) };
    assert_eq!(wait(accepted), 0, "accepted: it pauses nothing");
}

#[test]
fn rejections_that_say_nothing_double_the_wait_up_to_a_minute() {
    let mut window = learned();
    let mut now = 0;
    for wait in [1, 2, 4, 8, 16, 32, 60, 60] {
        window.commit(at(now), 3);
        // Three that were sent together are one.
        for _ in 0..3 {
            window.answer(sent(now), at(now + 10), &rejected(None));
        }
        now += 10 + wait * 1000;
        assert_eq!(window.earliest(at(0), 1), by(now), "{wait}");
    }
    window.commit(at(now), 1);
    window.answer(sent(now), at(now), &Feedback::default());
    window.commit(at(now), 1);
    window.answer(sent(now), at(now), &rejected(None));
    assert_eq!(window.earliest(at(0), 1), by(now + 1000), "a success begins anew");
}

#[test]
fn s39_what_was_sent_and_dropped_is_charged_once() {
    let mut window = window(&said(4, 3, 1000));
    window.commit(at(10), 1);
    window.no_news(sent(10), at(20));
    assert_eq!(starts(&mut window.clone(), 20).0, 2);
    window.commit(at(30), 1);
    window.answer(sent(10), at(40), &said(4, 3, 980));
    assert_eq!(starts(&mut window, 40).0, 2, "a late answer does not raise it");
}

#[test]
fn what_never_left_costs_nothing() {
    let mut window = window(&said(4, 3, 1000));
    window.commit(at(10), 1);
    window.land(1);
    assert_eq!(starts(&mut window, 20).0, 3);
}

#[test]
fn what_is_above_the_limit_never_fits() {
    let window = window(&said(5, 4, 1000));
    assert_eq!(window.earliest(at(0), 6), Earliest::Never);
    assert_eq!(window.earliest(at(0), 5), by(1000));
    assert_eq!(window.earliest(at(5000), 6), Earliest::Never, "remembered");
}

#[test]
fn a_later_window_replaces_and_an_earlier_one_is_ignored() {
    let mut window = window(&said(5, 1, 1000));
    (0..3).for_each(|_| window.commit(at(0), 1));
    window.answer(sent(900), at(990), &said(5, 4, 1000));
    assert_eq!(starts(&mut window.clone(), 990).0, 2, "newer: 4 less 2 in flight");
    window.answer(sent(0), at(995), &said(5, 0, 5));
    assert_eq!(starts(&mut window, 995).0, 3, "older: 4 less 1 in flight");
}

/// By the time that it was surely over, its late answers say nothing of the next.
#[test]
fn answers_of_the_window_that_is_over_are_ignored() {
    let mut window = window(&said(5, 3, 1000));
    (0..2).for_each(|_| window.commit(at(0), 1));
    window.answer(sent(0), at(1100), &said(5, 2, 1000));
    assert_eq!(starts(&mut window.clone(), 1100).0, 4, "5 less 1 in flight");
    window.answer(sent(50), at(1200), &said(5, 2, 1000));
    assert_eq!(starts(&mut window, 1200), (2, by(2200)), "it ended after the known one");
}

#[test]
fn without_a_limit_nothing_is_known_after_the_window() {
    let mut window = window(&Feedback { limit: None, ..said(0, 2, 1000) });
    assert_eq!(starts(&mut window, 0), (2, by(1000)).min((2, UNKNOWN)).max((2, UNKNOWN)));
    let mut local = Learned::new(Manner { probes: false, remember: 3_600 * SECOND });
    local.commit(at(0), 1);
    local.answer(sent(0), at(0), &Feedback { limit: None, ..said(0, 2, 1000) });
    assert_eq!(starts(&mut local, 0), (2, by(1000)));
    assert_eq!(starts(&mut local, 1000).0, 1_000, "the rates alone");
}

#[test]
fn without_a_reset_the_call_sent_last_knows_best() {
    let unsaid = |remaining| Feedback { reset_after: None, ..said(90, remaining, 0) };
    let mut window = window(&unsaid(30));
    (0..4).for_each(|_| window.commit(at(0), 1));
    window.answer(sent(20), at(30), &unsaid(20));
    window.answer(sent(10), at(40), &unsaid(29));
    window.answer(sent(20), at(50), &unsaid(21));
    assert_eq!(starts(&mut window.clone(), 50).0, 19, "20 less 1 in flight");
    window.answer(sent(60), at(70), &unsaid(25));
    assert_eq!(starts(&mut window, 70), (25, UNKNOWN));
}

/// When nothing is left, nothing is on its way and no end is known, somebody tries after a while.
#[test]
fn a_window_without_end_that_is_used_up_is_tried_again() {
    let unsaid = |remaining| Feedback { reset_after: None, ..said(90, remaining, 0) };
    let mut window = window(&unsaid(0));
    assert_eq!(starts(&mut window, 0), (0, by(1000)));
    assert_eq!(starts(&mut window, 1000), (1, UNKNOWN), "one at a time");
    window.answer(sent(1000), at(1050), &unsaid(0));
    assert_eq!(starts(&mut window, 1050), (0, by(2050)), "it was answered: no rejection");
}

/// All that was sent into a window of which nothing was heard was dropped.
#[test]
fn nobody_is_stuck_behind_calls_that_were_dropped() {
    let mut window = window(&said(2, 0, 1000));
    assert_eq!(starts(&mut window, 1000), (2, UNKNOWN));
    window.no_news(sent(1000), at(1100));
    assert_eq!(starts(&mut window, 1100), (0, UNKNOWN));
    window.no_news(sent(1000), at(1200));
    assert_eq!(starts(&mut window, 1200), (0, by(2200)));
    assert_eq!(starts(&mut window, 2200), (1, UNKNOWN));
}

#[test]
fn what_was_said_is_remembered_beyond_its_window_for_a_while() {
    let hour = 3_600_000;
    let mut window = window(&said(5, 3, 1000));
    assert_eq!(starts(&mut window.clone(), 1000 + hour - 1), (5, UNKNOWN));
    assert_eq!(window.idle_at(), Some(at(1000)));
    assert_eq!(starts(&mut window, 1000 + hour), (1, UNKNOWN), "a probe");
    assert_eq!(window.idle_at(), None, "a call runs");
}

#[test]
fn at_the_ends_of_time_and_numbers_nothing_panics() {
    let ends = [0, 1, SECOND, u64::MAX / 2, u64::MAX - 1, u64::MAX];
    for (now, number) in ends.into_iter().flat_map(|now| ends.map(|number| (now, number))) {
        let mut window = learned();
        let now = Timestamp::from_nanos(now);
        for rejected in [false, true] {
            for weight in [1, u32::MAX] {
                window.commit(now, weight);
                let answer = Feedback {
                    limit: Some(number),
                    remaining: Some(number),
                    reset_after: Some(Duration::new(number, 999_999_999)),
                    retry_after: Some(Duration::MAX).filter(|_| number % 2 == 0),
                    whole_seconds: number % 2 == 0,
                    rejected,
                    ..Feedback::default()
                };
                window.answer(Sent { at: Timestamp::from_nanos(number), weight }, now, &answer);
                let _ = (window.earliest(now, weight), window.idle_at());
            }
        }
    }
}

mod corners;
