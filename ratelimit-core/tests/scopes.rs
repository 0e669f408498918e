//! Whose limit refused: what an error's scope says, whoever asks and however it comes to be refused.

#![expect(clippy::expect_used, clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use std::thread;

use common::{FOREVER, Task, ms, ns};
use ratelimit_core::clock::ManualClock;
use ratelimit_core::feedback::{Feedback, Scope};
use ratelimit_core::{Bucket, Error, ErrorKind, ErrorScope, Rate, Registry, Request};

const KEY: Option<ErrorScope> = Some(ErrorScope::Key);
const BUCKET: Option<ErrorScope> = Some(ErrorScope::Bucket);
const SERVER: Option<ErrorScope> = Some(ErrorScope::Server);

fn exact(bucket: Bucket) -> (ManualClock, Bucket) {
    let clock = ManualClock::new();
    (clock.clone(), bucket.guard(ns(0)).clock(clock))
}

fn says() -> Feedback {
    Feedback::default()
}

fn rejected(millis: u64) -> Feedback {
    says().rejected(true).retry_after(ms(millis))
}

fn window(limit: u64, remaining: u64, millis: u64) -> Feedback {
    says().limit(limit).remaining(remaining).reset_after(ms(millis))
}

/// Asks without waiting, as a thread and as a future that would wait for a nanosecond: what each is refused with.
fn refusals<'b>(request: impl Fn() -> Request<'b>) -> [Error; 3] {
    let mut task = Task::new(request().max_delay(ns(1)).acquire_async());
    [
        request().try_acquire().unwrap_err(),
        request().max_delay(ns(1)).acquire().unwrap_err(),
        task.poll().expect("it is refused at once").unwrap_err(),
    ]
}

#[track_caller]
fn all<'b>(scope: Option<ErrorScope>, request: impl Fn() -> Request<'b>) {
    for refused in refusals(request) {
        assert_eq!(refused.scope(), scope, "{refused}");
    }
}

fn waits(request: Request<'_>) -> Task {
    let mut task = Task::new(request.acquire_async());
    assert!(task.poll().is_none(), "it has to wait");
    task
}

#[track_caller]
fn fails(task: &mut Task, kind: ErrorKind, scope: Option<ErrorScope>) {
    assert!(task.is_woken(), "it is told");
    let failed = task.poll().expect("it has an answer").unwrap_err();
    assert_eq!((failed.kind(), failed.scope()), (kind, scope), "{failed}");
}

#[test]
fn a_rate_of_the_key_is_the_keys() {
    // At the gate, by a window, and with a key.
    let (_clock, burst) = exact(Bucket::named("burst", Rate::per_second(1).burst(1)));
    let (_clock, plain) = exact(Bucket::named("plain", Rate::per_second(1)));
    for bucket in [&burst, &plain] {
        drop(bucket.try_acquire().unwrap());
        drop(bucket.request().key("k").try_acquire().unwrap());
        for _ in 0..2 {
            all(KEY, || bucket.request());
            all(KEY, || bucket.request().key("k"));
            assert_eq!(bucket.try_acquire().unwrap_err().scope(), KEY);
        }
        all(KEY, || bucket.request().key("k").weight(2));
        assert_eq!(bucket.request().weight(2).try_acquire().unwrap_err().kind(), ErrorKind::TooHeavy);
    }
}

#[test]
fn a_bound_of_the_key_is_the_keys() {
    let (_clock, bucket) = exact(Bucket::named("b", Rate::per_second(9)).in_flight(1).max_waiting(1));
    let _runs = bucket.try_acquire().unwrap();
    let refused = bucket.try_acquire().unwrap_err();
    assert_eq!((refused.scope(), refused.retry_after()), (KEY, None));
    let _waits = waits(bucket.request().max_delay(FOREVER));
    let crowded = bucket.request().max_delay(FOREVER).acquire().unwrap_err();
    assert_eq!((crowded.kind(), crowded.scope()), (ErrorKind::TooManyWaiting, KEY));
}

#[test]
fn what_all_keys_share_is_the_buckets() {
    let (_clock, bucket) = exact(Bucket::named("b", Rate::per_second(2)).total(Rate::per_minute(3)));
    drop(bucket.request().key(1).weight(2).try_acquire().unwrap());
    all(KEY, || bucket.request().key(1));
    drop(bucket.request().key(2).try_acquire().unwrap());
    all(BUCKET, || bucket.request().key(3));
    // The total holds it up for longer than its own rate does.
    all(BUCKET, || bucket.request().key(1));
    let (_clock, wide) = exact(Bucket::unlimited("wide").total(Rate::per_minute(3)));
    all(BUCKET, || wide.request().weight(4));
    assert_eq!(wide.request().weight(4).try_acquire().unwrap_err().kind(), ErrorKind::TooHeavy);
}

#[test]
fn a_pause_and_the_end_are_the_buckets() {
    let (_clock, bucket) = exact(Bucket::named("b", Rate::per_second(1)));
    bucket.pause(ms(40)).unwrap();
    all(BUCKET, || bucket.request());
    bucket.reset().unwrap();
    drop(bucket.try_acquire().unwrap());
    bucket.pause(ms(40)).unwrap();
    all(KEY, || bucket.request());
    bucket.pause(ms(1040)).unwrap();
    all(BUCKET, || bucket.request());
    bucket.close();
    all(BUCKET, || bucket.request());
    assert_eq!(bucket.peek().unwrap_err().scope(), BUCKET);
}

#[test]
fn room_for_keys_is_the_buckets_and_a_mistake_is_nobodys() {
    let (_clock, bucket) = exact(Bucket::named("b", Rate::per_second(1)).max_keys(1));
    drop(bucket.request().key(1).try_acquire().unwrap());
    all(BUCKET, || bucket.request().key(2));
    assert_eq!(bucket.request().key(2).charge().unwrap_err().scope(), BUCKET);
    assert_eq!("10".parse::<Rate>().unwrap_err().scope(), None);
    assert_eq!(Registry::new().get("nobody").unwrap_err().scope(), None);
}

#[test]
fn a_window_that_was_learned_is_the_servers() {
    let (clock, bucket) = exact(Bucket::learned("scope-window"));
    let probe = bucket.try_acquire().unwrap();
    // Nothing is known before the first answer.
    let refused = bucket.try_acquire().unwrap_err();
    assert_eq!((refused.scope(), refused.retry_after()), (SERVER, None));
    assert_eq!(refused.to_string(), "bucket `scope-window` is held up until the server has answered");
    probe.observe(&window(5, 0, 2_000));
    for refused in refusals(|| bucket.request()) {
        assert_eq!((refused.scope(), refused.retry_after()), (SERVER, Some(ms(2_000))));
        let said = "bucket `scope-window` is held up by the server: retry after 2s";
        assert!(refused.to_string().starts_with(said), "{refused}");
    }
    for refused in refusals(|| bucket.request().weight(6)) {
        assert_eq!((refused.kind(), refused.scope()), (ErrorKind::TooHeavy, SERVER));
        let said = "bucket `scope-window` can never fit weight 6 into the server's limit";
        assert_eq!(refused.to_string(), said);
    }
    clock.advance(ms(2_000));
    drop(bucket.try_acquire().unwrap());
}

#[test]
fn a_pause_that_the_server_asked_for_is_the_servers() {
    for scope in [Scope::Bucket, Scope::Global] {
        let (_clock, bucket) = exact(Bucket::named("b", Rate::per_second(1)));
        drop(bucket.try_acquire().unwrap());
        bucket.request().observe(&rejected(500).scope(scope)).unwrap();
        all(KEY, || bucket.request());
        bucket.request().observe(&rejected(1_500).scope(scope)).unwrap();
        all(SERVER, || bucket.request());
        bucket.pause(ms(1_400)).unwrap();
        all(SERVER, || bucket.request());
        bucket.pause(ms(1_600)).unwrap();
        all(BUCKET, || bucket.request());
        // Of other keys the server has said nothing, unless it was for all.
        all(BUCKET, || bucket.request().key("other"));
    }
}

#[test]
fn one_that_the_server_holds_up_for_longer_than_anybody_waits_is_told_so() {
    let (_clock, bucket) = exact(Bucket::learned("scope-long").max_pause(ms(1_000)));
    let mut waiting = waits_behind_a_probe(&bucket);
    bucket.request().observe(&rejected(9_000)).unwrap();
    fails(&mut waiting, ErrorKind::DelayTooLong, SERVER);
    let refused = bucket.request().max_delay(FOREVER).acquire().unwrap_err();
    assert_eq!((refused.kind(), refused.scope()), (ErrorKind::DelayTooLong, SERVER));
}

fn waits_behind_a_probe(bucket: &Bucket) -> Task {
    let probe = bucket.try_acquire().unwrap();
    let task = waits(bucket.request().max_delay(FOREVER));
    probe.observe(&window(9, 0, 400));
    task
}

/// Whoever waits within its allowance and is moved past it by what comes later is told whose word that was.
#[test]
fn whoever_is_moved_past_its_allowance_is_told_by_whom() {
    let moved = |what: &dyn Fn(&Bucket), scope| {
        let (_clock, bucket) = exact(Bucket::named("b", Rate::per_second(1).burst(1)));
        drop(bucket.try_acquire().unwrap());
        let mut first = waits(bucket.request().max_delay(ms(1_500)));
        let mut second = waits(bucket.request().max_delay(ms(2_500)));
        what(&bucket);
        fails(&mut first, ErrorKind::DelayTooLong, scope);
        fails(&mut second, ErrorKind::DelayTooLong, scope);
    };
    moved(&|bucket| drop(bucket.request().weight(4).charge().unwrap()), KEY);
    moved(&|bucket| bucket.pause(ms(9_000)).unwrap(), BUCKET);
    moved(&|bucket| bucket.request().observe(&rejected(9_000)).unwrap(), SERVER);
    moved(&|bucket| bucket.request().observe(&rejected(9_000).scope(Scope::Global)).unwrap(), SERVER);
    moved(&|bucket| bucket.request().observe(&window(3, 0, 9_000)).unwrap(), SERVER);
}

/// Behind somebody whom the server holds up, it is the server still; behind one whom the rates hold up, they.
#[test]
fn who_stands_behind_others_is_told_who_holds_those_up() {
    let (_clock, bucket) = exact(Bucket::named("b", Rate::per_second(2)));
    drop(bucket.try_acquire().unwrap());
    bucket.request().observe(&window(9, 0, 5_000)).unwrap();
    let _first = waits(bucket.request().max_delay(FOREVER));
    all(SERVER, || bucket.request());
    let _second = waits(bucket.request().max_delay(FOREVER));
    // Two start as the window ends: the third of them waits for the rate.
    let [refused, ..] = refusals(|| bucket.request());
    assert_eq!((refused.scope(), refused.rate()), (KEY, Some(Rate::per_second(2))));
    assert_eq!(refused.retry_after(), Some(ms(6_000) + ns(1)));
}

/// A thread that waits is told as a future is.
#[test]
fn a_thread_that_is_moved_past_its_allowance_is_told_by_whom() {
    let (clock, bucket) = exact(Bucket::named("b", Rate::per_second(1)));
    drop(bucket.try_acquire().unwrap());
    thread::scope(|scope| {
        let waiting = scope.spawn(|| bucket.request().max_delay(ms(1_500)).acquire().unwrap_err());
        clock.wait_for_sleepers(1);
        bucket.request().observe(&rejected(9_000)).unwrap();
        let failed = waiting.join().unwrap();
        assert_eq!((failed.kind(), failed.scope()), (ErrorKind::DelayTooLong, SERVER));
        assert_eq!(failed.to_string(), "bucket `b` is held up by the server: retry after 9s (allowed 1.5s)");
    });
}

/// Whose turn is unknown as its allowance ends was waiting for the server, or for its own key.
#[test]
fn an_allowance_that_ends_while_the_turn_is_unknown_says_whose_news_were_missing() {
    let (clock, learns) = exact(Bucket::learned("scope-unknown"));
    let _probe = learns.try_acquire().unwrap();
    let (bounded_clock, bounded) = exact(Bucket::unlimited("bounded").in_flight(1));
    let _runs = bounded.try_acquire().unwrap();
    for (clock, bucket, scope) in [(clock, learns, SERVER), (bounded_clock, bounded, KEY)] {
        let mut tasks = [100, 100].map(|allowed| waits(bucket.request().max_delay(ms(allowed))));
        clock.advance(ms(100) + ns(1));
        for task in &mut tasks {
            fails(task, ErrorKind::DelayTooLong, scope);
        }
    }
}

#[test]
fn scopes_have_names() {
    let scopes = [ErrorScope::Key, ErrorScope::Bucket, ErrorScope::Server];
    assert_eq!(scopes.map(ErrorScope::as_str), ["key", "bucket", "server"]);
    assert_eq!(scopes.map(|scope| scope.to_string()), ["key", "bucket", "server"]);
}
