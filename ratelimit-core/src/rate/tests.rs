use super::*;

const DAY: u64 = 24 * 60 * 60 * 1_000_000_000;

#[test]
fn each_name_is_of_its_own_span() {
    let spans = [
        (Rate::per_second(7), 1),
        (Rate::per_minute(7), 60),
        (Rate::per_hour(7), 3600),
        (Rate::per_day(7), 86_400),
        (Rate::new(7, Duration::from_secs(5)), 5),
    ];
    for (rate, seconds) in spans {
        assert_eq!((rate.amount(), rate.per()), (7, Duration::from_secs(seconds)));
        assert_eq!((rate.per_nanos(), rate.burst_amount()), (seconds * 1_000_000_000, None));
        assert_eq!((rate.shape(), rate.max_weight()), (Shape::Sliding, 7));
    }
}

#[test]
fn what_a_shape_changes() {
    let bucket = Rate::per_second(2).burst(9);
    assert_eq!((bucket.burst_amount(), bucket.max_weight(), bucket.shape()), (Some(9), 9, Shape::Burst(9)));
    assert_eq!(bucket, Rate::of_token_bucket(2, 1_000_000_000, 9));
    let window = Rate::per_second(2).fixed();
    assert_eq!((window.burst_amount(), window.max_weight(), window.shape()), (None, 2, Shape::Fixed));
}

/// A window empties as it ends, a full bucket as all of its burst has come back.
#[test]
fn when_a_full_state_is_empty() {
    assert_eq!(Rate::per_day(3).window_nanos(), DAY);
    assert_eq!(Rate::per_day(3).fixed().window_nanos(), DAY);
    assert_eq!(Rate::per_day(3).burst(6).window_nanos(), 2 * DAY);
    assert_eq!(Rate::new(7, Duration::from_nanos(3)).burst(5).window_nanos(), 2);
    let longest = Rate::new(1, Duration::from_nanos(u64::MAX)).burst(u32::MAX);
    assert_eq!(longest.window_nanos(), u64::MAX);
}

#[test]
fn what_is_none_is_refused_and_the_extremes_are_some() {
    let of = |amount, per| Rate::try_new(amount, per).map_err(|error| error.to_string());
    let longest = Duration::from_nanos(u64::MAX);
    assert_eq!(of(1, Duration::from_nanos(1)), Ok(Rate::new(1, Duration::from_nanos(1))));
    assert_eq!(of(u32::MAX, longest), Ok(Rate::new(u32::MAX, longest)));
    for (amount, per, part) in [
        (0, Duration::from_secs(1), "amount must be at least 1"),
        (1, Duration::ZERO, "span must be at least 1ns"),
        (1, longest + Duration::from_nanos(1), "span must be at most 584 years"),
        (1, Duration::MAX, "span must be at most 584 years"),
    ] {
        let problem = of(amount, per).unwrap_err();
        assert!(problem.contains(part), "{problem}");
    }
}

#[test]
fn a_constant_that_is_none_panics() {
    let panics = |make: fn() -> Rate| std::panic::catch_unwind(make).is_err();
    assert!(panics(|| Rate::per_second(0)));
    assert!(panics(|| Rate::new(1, Duration::ZERO)));
    assert!(panics(|| Rate::new(1, Duration::MAX)));
    assert!(panics(|| Rate::per_second(1).burst(0)));
    assert!(panics(|| Rate::per_second(1).fixed().burst(1)));
    assert!(panics(|| Rate::per_second(1).burst(1).fixed()));
}

#[test]
fn it_prints_as_it_is_read() {
    let printed = |rate: Rate| (rate.to_string(), format!("{rate:?}"));
    let both = |text: &str| (text.to_owned(), format!("Rate({text})"));
    assert_eq!(printed(Rate::per_second(1)), both("1/s"));
    assert_eq!(printed(Rate::new(5, Duration::from_millis(1500))), both("5/1500ms"));
    assert_eq!(printed(Rate::per_minute(60).fixed()), both("60/m fixed"));
    assert_eq!(printed(Rate::per_day(14).burst(2)), both("14/d burst 2"));
}

#[test]
fn a_token_bucket_has_a_leeway_of_what_it_lacks_where_two_are_due_by_then() {
    let fast = Rate::per_second(50_000).burst(50);
    assert_eq!(fast.leeway(1, 0), 735_000, "of 50 spacings of 20 us");
    assert_eq!(fast.leeway(20, 0), 400_000, "200 us are left to others");
    assert_eq!(fast.leeway(1, 100_000), 735_000);
    assert_eq!(fast.leeway(1, 200_000), 580_000, "and twice what the alarm was late by");
    assert_eq!(fast.leeway(1, u64::MAX), 0);
    assert_eq!(fast.leeway(38, 0), 40_000, "the last that serves two");
    assert_eq!(fast.leeway(39, 0), 0);
    assert_eq!((fast.leeway(50, 0), fast.leeway(u32::MAX, 0)), (0, 0), "it starts when the bucket is full");
    assert_eq!(Rate::per_second(1_000).burst(1_000).leeway(1, 0), 2_000_000, "at most");
    assert_eq!(Rate::per_second(999).burst(1_000).leeway(1, 0), 0, "two are not due within 2 ms");
}

#[test]
fn nothing_else_has_one() {
    assert_eq!(Rate::per_second(50_000).leeway(1, 0), 0);
    assert_eq!(Rate::per_second(50_000).fixed().leeway(1, 0), 0);
    assert_eq!(Rate::per_second(50_000).burst(1).leeway(1, 0), 0);
    assert_eq!(Rate::new(1, Duration::from_nanos(u64::MAX)).burst(u32::MAX).leeway(1, 0), 0);
}
