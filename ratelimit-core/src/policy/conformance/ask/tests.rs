use super::*;
use crate::policy::sliding_window::SlidingWindow;
use crate::policy::{Outcome, token_bucket::TokenBucket};

fn at(nanos: u64) -> Timestamp {
    Timestamp::from_nanos(nanos)
}

fn promised(nanos: u64) -> Earliest {
    Earliest::At(at(nanos))
}

/// Never more than one call at once, of whatever weight.
#[derive(Clone, Debug)]
struct OneByOne(bool);

impl Policy for OneByOne {
    fn earliest(&self, now: Timestamp, _weight: u32) -> Earliest {
        if self.0 { Earliest::WhenSettled } else { Earliest::At(now) }
    }

    fn commit(&mut self, _now: Timestamp, _weight: u32) {
        self.0 = true;
    }

    fn settle(&mut self, _start: Timestamp, _now: Timestamp, _weight: u32, _outcome: &Outcome) {
        self.0 = false;
    }

    fn idle_at(&self) -> Option<Timestamp> {
        (!self.0).then_some(Timestamp::ZERO)
    }

    fn fork(&self) -> Box<dyn Policy> {
        Box::new(self.clone())
    }
}

#[test]
fn the_scale_is_the_heaviest_that_fits_and_how_long_it_holds_the_next_up() {
    for amount in [1, 2, 3, 4, 5, 6, 7, 8, 9, 1000, u32::MAX / 2, u32::MAX - 1, u32::MAX] {
        let Scale { heaviest, span } = Scale::of(&SlidingWindow::new(amount, 500));
        assert_eq!((heaviest, span), (amount, 501));
    }
    let Scale { heaviest, span } = Scale::of(&TokenBucket::new(1, 100, 7, 0));
    assert_eq!((heaviest, span), (7, 700));
    let Scale { heaviest, span } = Scale::of(&OneByOne(false));
    assert_eq!((heaviest, span), (u32::MAX, Scale::default().span), "nobody knows how long");
    let Scale { heaviest, span } = Scale::of(&NotThen);
    assert_eq!((heaviest, span), (u32::MAX, 123_457));
    let Scale { heaviest, span } = Scale::of(&Unlimited);
    assert_eq!((heaviest, span), (u32::MAX, Scale::default().span), "it holds nobody up");
}

#[test]
fn what_is_asked_for_lies_around_the_scale_and_at_its_ends() {
    let weights = |heaviest| Scale { heaviest, span: 1 }.weights();
    assert_eq!(weights(10), [1, 2, 5, 9, 10, 11, u32::MAX]);
    assert_eq!(weights(1), [1, 2, u32::MAX]);
    assert_eq!(weights(u32::MAX), [1, 2, u32::MAX / 2, u32::MAX - 1, u32::MAX]);
    let scale = Scale { heaviest: 10, span: 100 };
    let times = |now, promised: &[u64]| -> Vec<u64> {
        let promised = promised.iter().map(|nanos| at(*nanos));
        scale.times(at(now), promised).into_iter().map(Timestamp::as_nanos).collect()
    };
    assert_eq!(times(50, &[]), [50, 51, 60, 83, 150, 250]);
    assert_eq!(times(50, &[120, 50]), [50, 51, 60, 83, 119, 120, 121, 150, 250]);
    assert_eq!(times(u64::MAX, &[u64::MAX]), [u64::MAX]);
}

/// The law that a table breaks whose first row is asked at 100 and whose second at 110.
fn broken(first: &[Earliest], second: &[Earliest]) -> Option<Law> {
    let row = |nanos, answers: &[Earliest]| Row {
        at: at(nanos),
        answers: (1..).zip(answers.iter().copied()).collect(),
    };
    let (first, second) = (row(100, first), row(110, second));
    let found = within(&first).and_then(|()| within(&second)).and_then(|()| in_time(&first, &second));
    found.err().map(|(law, _)| law)
}

#[test]
fn answers_that_do_not_fit_together_break_the_law_that_says_so() {
    let (never, settled) = (Earliest::Never, Earliest::WhenSettled);
    assert_eq!(broken(&[promised(100), never], &[promised(110), never]), None);
    assert_eq!(broken(&[promised(105), promised(105)], &[promised(110), promised(110)]), None);
    assert_eq!(broken(&[promised(120), promised(130)], &[promised(120), promised(130)]), None);
    assert_eq!(broken(&[settled], &[never]), None, "a call may be settled badly");
    assert_eq!(broken(&[promised(99)], &[promised(110)]), Some(Law::NotBeforeNow));
    assert_eq!(broken(&[promised(120), promised(119)], &[]), Some(Law::HeavierIsNoEarlier));
    assert_eq!(broken(&[never, settled], &[]), Some(Law::NeverIsForEver));
    assert_eq!(broken(&[never], &[promised(110)]), Some(Law::NeverIsForEver));
    assert_eq!(broken(&[promised(100)], &[promised(111)]), Some(Law::StaysPossible));
    assert_eq!(broken(&[promised(105)], &[promised(111)]), Some(Law::PromiseIsKept));
    assert_eq!(broken(&[promised(120)], &[promised(119)]), Some(Law::PromiseIsKept));
}

#[derive(Clone, Debug)]
struct Unlimited;

impl Policy for Unlimited {
    fn earliest(&self, now: Timestamp, _weight: u32) -> Earliest {
        Earliest::At(now)
    }

    fn commit(&mut self, _now: Timestamp, _weight: u32) {}

    fn settle(&mut self, _start: Timestamp, _now: Timestamp, _weight: u32, _outcome: &Outcome) {}

    fn idle_at(&self) -> Option<Timestamp> {
        Some(Timestamp::ZERO)
    }

    fn fork(&self) -> Box<dyn Policy> {
        Box::new(self.clone())
    }
}

/// Possible at once; promises one weight for a time, and breaks the promise then and at no other.
#[derive(Clone, Debug)]
struct NotThen;

impl Policy for NotThen {
    fn earliest(&self, now: Timestamp, weight: u32) -> Earliest {
        let (now, then) = (now.as_nanos(), 123_457);
        let at = if weight < 3 {
            now
        } else if now == then {
            now + 1
        } else {
            now.max(then)
        };
        promised(at)
    }

    fn commit(&mut self, _now: Timestamp, _weight: u32) {}

    fn settle(&mut self, _start: Timestamp, _now: Timestamp, _weight: u32, _outcome: &Outcome) {}

    fn idle_at(&self) -> Option<Timestamp> {
        None
    }

    fn fork(&self) -> Box<dyn Policy> {
        Box::new(self.clone())
    }
}

#[test]
fn what_is_promised_is_asked_about_when_it_is_promised_for() {
    let scale = Scale { heaviest: 4, span: 500 };
    let found = questions(&NotThen, at(100), scale).map_err(|(law, _)| law);
    assert_eq!(found, Err(Law::PromiseIsKept));
    assert_eq!(questions(&NotThen, at(123_458), scale), Ok(()));
}

/// What is said of a broken law has the weight, the time and both answers.
#[test]
fn what_is_said_is_what_was_answered() {
    let row = |answers| Row { at: at(7), answers };
    let (first, second) =
        (row(vec![(1, promised(7)), (2, promised(9))]), row(vec![(1, promised(7)), (2, Earliest::Never)]));
    let differ = same(std::slice::from_ref(&first), &[second]).unwrap_err();
    assert_eq!(differ, ("7 ns".to_owned(), 2, "never".to_owned(), "for 9 ns".to_owned()));
    assert_eq!(same(std::slice::from_ref(&first), std::slice::from_ref(&first)), Ok(()));
    assert_eq!(words(Earliest::WhenSettled), "for when a call is settled");
}
