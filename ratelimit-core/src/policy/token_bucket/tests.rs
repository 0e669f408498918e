use super::*;

const SECOND: u64 = 1_000_000_000;
const BURST: u32 = 5;

fn at(nanos: u64) -> Timestamp {
    Timestamp::from_nanos(nanos)
}

/// One a second, with a guard of a tenth.
fn fresh() -> TokenBucket {
    TokenBucket::new(1, SECOND, BURST, SECOND / 10)
}

/// Nothing was taken: the guard has nothing to stand off from.
fn is_untouched(bucket: &TokenBucket, now: Timestamp) -> bool {
    bucket.earliest(now, BURST) == Earliest::At(now) && bucket.idle_at() == Some(Timestamp::ZERO)
}

#[test]
fn nothing_taken_leaves_it_as_it_was() {
    let mut bucket = fresh();
    bucket.commit(at(7 * SECOND), 0);
    assert!(is_untouched(&bucket, at(7 * SECOND)));
    bucket.commit(at(7 * SECOND), 1);
    assert!(!is_untouched(&bucket, at(7 * SECOND)));
}

#[test]
fn all_given_back_leaves_it_as_it_was() {
    let mut bucket = fresh();
    bucket.commit(at(0), 2);
    bucket.settle(at(0), at(0), 2, &Outcome::Refund(1));
    assert!(!is_untouched(&bucket, at(0)));
    bucket.settle(at(0), at(0), 1, &Outcome::Refund(1));
    assert!(is_untouched(&bucket, at(0)));
    assert_eq!(bucket.packed(), Some(0));
}

#[test]
fn states_of_slow_rates_are_kept_packed_and_those_of_the_fastest_are_not() {
    let packs = |amount, per| TokenBucket::new(amount, per, BURST, 0).packs();
    assert!(packs(1, SECOND) && packs(3, SECOND) && packs(1_000_000, SECOND));
    assert!(!packs(999_999_937, SECOND), "a spacing of a nanosecond and a bit takes more ticks");
}

#[test]
fn it_is_packed_and_unpacked_as_the_same() {
    for taken in 0..=2 * BURST {
        let mut bucket = fresh();
        bucket.commit(at(SECOND), taken);
        let tat = bucket.packed().unwrap();
        let again = fresh().unpacked(tat);
        for weight in 1..=BURST {
            assert_eq!(again.earliest(at(SECOND), weight), bucket.earliest(at(SECOND), weight));
        }
        assert_eq!((again.packed(), again.idle_at()), (Some(tat), bucket.idle_at()));
    }
}
