//! What is told of those who wait for several windows and share a key's rates.

use super::*;

/// One a second, of which the first has just started; the server's windows of the routes `a` and `b` are known.
fn shared(a: &Feedback, b: &Feedback) -> (ManualClock, Bucket) {
    let clock = ManualClock::new();
    let bucket = Bucket::named("shared", Rate::per_second(1)).guard(ns(0)).clock(clock.clone());
    bucket.request().route("a").observe(a).expect("it is open");
    bucket.request().route("b").observe(b).expect("it is open");
    drop(bucket.try_acquire().expect("the first"));
    (clock, bucket)
}

fn plenty() -> Feedback {
    ans(50, 49, 600_000)
}

fn refused_after(request: Request<'_>) -> Option<Duration> {
    let mut task = Task::new(request.acquire_async());
    let ended = task.poll().expect("it is told at once");
    ended.expect_err("it would wait for longer").retry_after()
}

/// Though its window opens later: by the time that the rate lets anybody start it is ready, and it came first.
#[test]
fn who_came_first_and_is_ready_in_time_starts_first() {
    let (clock, bucket) = shared(&plenty(), &ans(1, 0, 500));
    let on = |route: &'static str| bucket.request().route(route);
    let mut first = asks(on("b").max_delay(FOREVER));
    assert_eq!(refused_after(on("a").max_delay(ms(1_500))), Some(ms(2_000) + ns(2)));
    let mut second = asks(on("a").max_delay(ms(2_500)));
    clock.advance(ms(1_000) + ns(1));
    assert!(second.poll().is_none());
    assert!(first.poll().is_some_and(|ended| ended.is_ok()));
    clock.advance(ms(1_000) + ns(1));
    assert!(second.poll().is_some_and(|ended| ended.is_ok()));
}

/// And where it is ready only after that, the other does.
#[test]
fn who_came_first_and_is_not_ready_in_time_starts_later() {
    let (clock, bucket) = shared(&plenty(), &ans(1, 0, 1_500));
    let on = |route: &'static str| bucket.request().route(route);
    let mut first = asks(on("b").max_delay(FOREVER));
    let mut second = asks(on("a").max_delay(ms(1_500)));
    assert_eq!(refused_after(on("a").max_delay(ms(2_500))), Some(ms(3_000) + ns(3)));
    clock.advance(ms(1_000) + ns(1));
    assert!(first.poll().is_none());
    assert!(second.poll().is_some_and(|ended| ended.is_ok()));
    clock.advance(ms(1_000) + ns(1));
    assert!(first.poll().is_some_and(|ended| ended.is_ok()));
}

/// Whose turn nobody knows, as the answer is on its way, makes those of another window no less known.
#[test]
fn a_window_that_nobody_knows_of_hides_no_other() {
    let unsaid = Feedback::default().remaining(1);
    let (_clock, bucket) = shared(&plenty(), &unsaid);
    let on = |route: &'static str| bucket.request().route(route);
    let _flies = on("b").charge().unwrap();
    let mut unknown = asks(on("b").max_delay(FOREVER));
    // One a second, of which two are owed now.
    assert_eq!(refused_after(on("a").max_delay(ms(500))), Some(ms(1_000) + ns(1)));
    let _waits = asks(on("a").max_delay(FOREVER));
    assert_eq!(refused_after(on("a").max_delay(ms(1_500))), Some(ms(2_000) + ns(2)));
    assert!(unknown.poll().is_none());
}

/// What those in front take of the rates counts, whichever windows they wait for.
#[test]
fn those_in_front_count_for_the_rates() {
    let (_clock, bucket) = shared(&plenty(), &plenty());
    let on = |route: &'static str| bucket.request().route(route);
    let _waiting = [asks(on("a").max_delay(FOREVER)), asks(on("b").max_delay(FOREVER))];
    assert_eq!(refused_after(on("a").max_delay(ms(2_999))), Some(ms(3_000) + ns(3)));
    assert_eq!(refused_after(on("b").max_delay(ms(2_999))), Some(ms(3_000) + ns(3)));
}
