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
