//! What no scenario meets, and every line of the window is there for.

use super::*;

/// What remains, where the server says no reset.
fn left(remaining: u64) -> Feedback {
    Feedback { remaining: Some(remaining), ..Feedback::default() }
}

/// Beside rates of its own: while nothing is known they alone count.
fn beside_rates(answer: &Feedback) -> Learned {
    let mut window = Learned::new(Manner { probes: false, remember: 3_600 * SECOND });
    window.commit(at(0), 1);
    assert_eq!(window.answer(sent(0), at(0), answer), None);
    window
}

#[test]
fn beside_rates_a_turn_that_depends_on_an_answer_is_unknown_too() {
    let mut window = beside_rates(&left(1));
    assert_eq!(starts(&mut window, 0), (1, UNKNOWN), "its end is not said");
    let mut window = beside_rates(&said(2, 2, 1000));
    window.commit(at(0), 2);
    assert_eq!(window.earliest(at(0), 1), UNKNOWN, "those two may be counted in the next window");
    window.land(1);
    assert_eq!(window.earliest(at(0), 1), by(0));
}

/// Nothing more will be heard of it, so somebody tries; what comes of that is known afresh, and each try waits longer.
#[test]
fn a_window_without_an_end_is_given_up() {
    let mut window = window(&left(0));
    assert_eq!(starts(&mut window, 0), (0, by(1000)));
    // Somebody is charged meanwhile, which opens nothing.
    window.commit(at(500), 1);
    window.no_news(sent(500), at(500));
    assert_eq!(starts(&mut window, 500), (0, by(1500)));
    assert_eq!(starts(&mut window, 1500), (1, UNKNOWN), "it finds out");
    window.answer(sent(1500), at(1600), &left(0));
    assert_eq!(starts(&mut window, 1600), (0, by(2600)), "accepted: the doubling ends");
    assert_eq!(starts(&mut window, 2600).0, 1);
    window.no_news(sent(2600), at(2700));
    assert_eq!(starts(&mut window, 2700).0, 1, "nothing is known");
    window.answer_without_news(sent(2700), at(2800));
    assert_eq!(starts(&mut window, 2800), (1_000, Earliest::Never), "there is no window");
}

#[test]
fn a_window_that_turns_out_to_be_another_takes_over_what_it_did_not_know() {
    let known = window(&said(5, 3, 1000));
    let mut unknown = learned();
    unknown.commit(at(0), 1);
    let mut joined = unknown.clone();
    joined.join(&known);
    assert_eq!(starts(&mut joined, 0), (2, by(1000)));
    let mut first = known.clone();
    first.join(&unknown);
    assert_eq!(starts(&mut first, 0), (2, by(1000)), "and keeps what it knows");
}

#[test]
fn what_says_no_more_than_nothing_is_forgotten() {
    let mut window = learned();
    assert!(window.is_forgotten(at(0)));
    window.commit(at(0), 1);
    assert!(!window.is_forgotten(at(0)), "in flight");
    window.no_news(sent(0), at(0));
    assert!(window.is_forgotten(at(0)));
    window.pause(at(10));
    assert!(!window.is_forgotten(at(9)) && window.is_forgotten(at(10)));
    let known = super::window(&said(5, 3, 1000));
    assert!(!known.is_forgotten(at(1000 + 3_599_999)) && known.is_forgotten(at(1000 + 3_600_000)));
}

#[test]
fn goes_on_in_another_manner() {
    let mut window = learned();
    window.set_manner(Manner { probes: false, remember: 0 });
    assert_eq!(starts(&mut window, 0).0, 1_000);
}

/// A limit of nothing is none that anybody keeps: what remains counts.
#[test]
fn a_limit_of_nothing_is_not_believed() {
    assert_eq!(starts(&mut window(&said(0, 3, 1000)), 0).0, 3);
}

#[test]
fn without_an_end_the_least_of_one_window_counts() {
    let mut ends = window(&said(9, 5, 1000));
    assert_eq!(ends.answer(Sent { at: at(10), weight: 0 }, at(20), &left(2)), None);
    assert_eq!(starts(&mut ends, 20), (2, by(1000)));
    let mut tied = window(&left(5));
    let told = |window: &mut Learned, millis: u64, answer: &Feedback| {
        assert_eq!(window.answer(Sent { at: at(millis), weight: 0 }, at(50), answer), None);
    };
    told(&mut tied, 0, &left(3));
    told(&mut tied, 0, &left(4));
    assert_eq!(starts(&mut tied.clone(), 50).0, 3);
    told(&mut tied, 0, &Feedback { limit: Some(6), ..left(4) });
    assert_eq!(tied.earliest(at(50), 7), Earliest::Never, "and its limit is known now");
    told(&mut tied, 10, &left(4));
    assert_eq!(starts(&mut tied.clone(), 50).0, 4, "to a call that was sent later");
    assert_eq!(tied.earliest(at(50), 7), Earliest::Never, "and it stays so");
}

/// The same said again is no news: of the first it is known better when the window ends.
#[test]
fn of_equal_answers_the_first_counts() {
    let mut window = window(&said(9, 5, 1000));
    assert_eq!(window.answer(Sent { at: at(0), weight: 0 }, at(100), &said(9, 5, 1000)), None);
    assert_eq!(starts(&mut window, 100), (5, by(1000)));
}
