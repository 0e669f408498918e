use super::*;
use crate::policy::Earliest;

const SECOND: u64 = 1_000_000_000;

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_nanos(seconds * SECOND)
}

fn guarded(rates: &[&str]) -> Vec<Guarded> {
    rates.iter().map(|rate| Guarded { rate: rate.parse().unwrap(), guard: 0 }).collect()
}

/// The states of `rates` after so much weight was taken at these seconds, whatever they said.
fn taken(rates: &[&str], starts: &[(u64, u32)]) -> All {
    let mut all = All::new(&guarded(rates), None);
    for (second, weight) in starts {
        all.commit(at(*second), *weight);
    }
    all
}

/// How much may start at once at `now`.
fn room(all: &All, now: Timestamp) -> u32 {
    (1..100).take_while(|weight| all.earliest(now, *weight).earliest == Earliest::At(now)).last().unwrap_or(0)
}

fn inherited(rates: &[&str], old: &[&All], now: u64) -> All {
    All::inheriting(&guarded(rates), old, at(now))
}

/// A fixed window that goes with it knows how much was started in an hour, and not when. A rate that stays knows better.
#[test]
fn a_rate_that_stays_goes_on_as_it_is() {
    let starts = [(0, 2), (9, 1)];
    for (rate, later) in [("3/10s burst 3", 4), ("2/8s", 8), ("3/h fixed", 3600)] {
        let alone = taken(&[rate], &starts);
        let kept = inherited(&[rate], &[&taken(&["100/30m fixed", rate, "100/7s"], &starts)], 10);
        for now in [at(10), at(11), at(10 + later), at(later), at(3609)] {
            for weight in 1..=3 {
                assert_eq!(
                    kept.earliest(now, weight),
                    alone.earliest(now, weight),
                    "{rate}: {weight} at {now:?}"
                );
            }
        }
    }
}

#[test]
fn a_fixed_window_of_the_same_length_goes_on_with_the_one_that_is_open() {
    let old = taken(&["10/h", "5/h fixed"], &[(0, 1), (10, 1)]);
    let next = inherited(&["7/h fixed"], &[&old], 20);
    assert_eq!(room(&next, at(20)), 5);
    assert_eq!(next.earliest(at(20), 6).earliest, Earliest::At(at(3600)), "one hour after it opened");
    // Of another length nobody knows what opened it.
    let next = inherited(&["7/2h fixed"], &[&old], 20);
    assert_eq!(next.earliest(at(20), 6).earliest, Earliest::At(at(7210)), "two hours after its last start");
}

#[test]
fn what_a_log_lacks_counts_before_it() {
    let old = taken(&["4/s", "10/h fixed"], &[(0, 3), (100, 2)]);
    assert_eq!(room(&inherited(&["10/h"], &[&old], 100), at(100)), 5);
    assert_eq!(room(&inherited(&["10/2h fixed"], &[&old], 100), at(100)), 5);
}

/// Keys that had rates of their own become one total: what each owes beyond its log adds up.
#[test]
fn what_several_owed_is_owed_together() {
    let of = |starts: &[(u64, u32)]| taken(&["9/s", "1/s burst 10"], starts);
    // The first has forgotten all but the last of its starts.
    let (one, other) = (of(&[(0, 8), (2, 1)]), of(&[(1, 7)]));
    let next = inherited(&["1/s burst 20"], &[&one, &other], 2);
    assert_eq!(room(&next, at(2)), 20 - 6 - 7);
    let next = inherited(&["1/s burst 10"], &[&one, &other], 2);
    assert_eq!(room(&next, at(2)), 0, "at most the burst");
}

/// An idle bucket's guard has nothing to stand off from, also after the limits were replaced.
#[test]
fn an_idle_bucket_stays_idle() {
    let guarded = |rate: &str| [Guarded { rate: rate.parse().unwrap(), guard: SECOND }];
    let mut old = All::new(&guarded("1/s burst 5"), None);
    old.commit(at(0), 2);
    for now in [at(3), at(50)] {
        for old in [vec![&old], vec![&old, &old]] {
            let next = All::inheriting(&guarded("1/s burst 6"), &old, now);
            assert_eq!(next.earliest(now, 6).earliest, Earliest::At(now), "{} at {now:?}", old.len());
        }
    }
    let next = All::inheriting(&guarded("1/s burst 6"), &[&old], at(2));
    assert_eq!(next.earliest(at(2), 6).earliest, Earliest::At(at(3)), "and one that is not, does not");
}

/// The old total forgets after a second, the keys after ten: the new total counts what either remembers, once.
#[test]
fn a_total_counts_what_the_keys_remember() {
    let total = taken(&["3/s"], &[(0, 1), (2, 1), (9, 1)]);
    let keys = [taken(&["100/10s"], &[(0, 1), (2, 1)]), taken(&["100/10s"], &[(9, 1)])];
    let next =
        |rate| All::inheriting_over_keys(&guarded(&[rate]), &total, &keys.iter().collect::<Vec<_>>(), at(9));
    assert_eq!(room(&next("5/10s"), at(9)), 2);
    assert_eq!(room(&next("5/h fixed"), at(9)), 2);
    assert_eq!(room(&next("3/s"), at(9)), 2, "it was there before");
}
