//! The built-in policies keep the laws.

use std::time::Duration;

use super::{Kit, Played};
use crate::policy::{Builtin, Guarded};
use crate::rate::Rate;

fn keeps_the_laws(rate: Rate, guard: u64) {
    let played = Kit::new().run(|| Builtin::new(Guarded { rate, guard }));
    println!("{rate}, guard {guard}: {played:?}");
    let Played { schedules, takes, refusals, charges, endings, refunds, idle, .. } = played;
    assert_eq!(schedules, 3_000);
    // So much that every law was really looked at.
    assert!([takes, refusals, charges, endings, refunds].into_iter().min() >= Some(1_000), "{played:?}");
    assert!(idle >= 500, "{played:?}");
}

#[test]
fn sliding_windows() {
    keeps_the_laws(Rate::per_second(1), 0);
    keeps_the_laws(Rate::new(7, Duration::from_nanos(100)), 2);
    keeps_the_laws(Rate::per_hour(5_000), 20_000_000);
    keeps_the_laws(Rate::new(u32::MAX, Duration::from_nanos(1)), 0);
}

#[test]
fn token_buckets() {
    keeps_the_laws(Rate::per_second(1).burst(1), 0);
    keeps_the_laws(Rate::new(7, Duration::from_nanos(100)).burst(3), 2);
    keeps_the_laws(Rate::per_hour(5_000).burst(100), 20_000_000);
    keeps_the_laws(Rate::new(3, Duration::from_nanos(u64::MAX)).burst(9), 0);
    keeps_the_laws(Rate::new(u32::MAX, Duration::from_nanos(1)).burst(u32::MAX), 0);
}

#[test]
fn fixed_windows() {
    keeps_the_laws(Rate::per_second(1).fixed(), 0);
    keeps_the_laws(Rate::new(7, Duration::from_nanos(100)).fixed(), 2);
    keeps_the_laws(Rate::per_hour(5_000).fixed(), 20_000_000);
    keeps_the_laws(Rate::new(u32::MAX, Duration::from_nanos(1)).fixed(), 0);
    keeps_the_laws(Rate::new(9, Duration::from_nanos(u64::MAX / 2)).fixed(), 0);
}
