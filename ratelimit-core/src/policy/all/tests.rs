use super::*;
use crate::policy::LeakyBucket;

fn all(rates: &[&str], own: Option<&Prototype>) -> All {
    let guarded = |rate: &&str| Guarded { rate: rate.parse().unwrap(), guard: 0 };
    All::new(&rates.iter().map(guarded).collect::<Vec<_>>(), own)
}

/// The short ways ask that one token bucket alone.
#[test]
fn one_token_bucket_and_nothing_else() {
    let own = Prototype::new(LeakyBucket::new(10.0, 5.0));
    let is_only = |rates: &[&str], own| all(rates, own).only_token_bucket().is_some();
    assert!(is_only(&["1/s burst 5"], None));
    assert!(!is_only(&["1/s burst 5"], Some(&own)), "the user's policy has to be asked too");
    assert!(!is_only(&["1/s burst 5", "9/m burst 9"], None));
    assert!(!is_only(&["1/s"], None) && !is_only(&["1/s fixed"], None) && !is_only(&[], None));
}

/// What is asked one by one: nothing is taken of any unless all let it start, and then of each.
#[test]
fn it_is_taken_of_all_or_of_none() {
    let own = Prototype::new(LeakyBucket::new(2.0, 1.0).fixed_factor());
    let (rates, now) = (["4/s burst 4", "3/m"], Timestamp::from_nanos(7));
    for (rates, own, most) in
        [(&rates[..], None, 3), (&rates[..], Some(&own), 2), (&rates[..1], None, 4), (&[], Some(&own), 2)]
    {
        let mut all = all(rates, own);
        for taken in 0..most {
            let left = most - taken;
            assert!(!all.take((now, now), left + 1), "{all:?}");
            assert_eq!(all.earliest(now, left), Verdict::at(now), "nothing was taken: {all:?}");
            assert!(all.take((now, now), 1), "{all:?}");
        }
        assert!(!all.take((now, now), 1) && all.earliest(now, 1).earliest > Earliest::At(now));
    }
}

/// A user's policy is named by its type, and what it holds is not asked.
#[test]
fn a_state_shows_the_type_of_the_policy() {
    let own = Prototype::new(LeakyBucket::new(10.0, 5.0));
    let shown = format!("{:?}", all(&[], Some(&own)).own);
    let name = std::any::type_name::<LeakyBucket>();
    assert_eq!(
        shown,
        format!("Some(Own {{ prototype: Prototype({name}), state: Kept {{ .. }}, since: 0 }})")
    );
}
