//! What a bucket tells subscribers of `tracing`: each event once, with its fields, and nothing of calls that are granted
//! at once.

#![expect(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "helpers of tests")]

#[path = "../common/mod.rs"]
mod common;
mod listener;
mod panics;
mod stores;

use std::thread;

use common::{FOREVER, Task, ms, ns};
use listener::told;
use ratelimit_core::clock::ManualClock;
use ratelimit_core::feedback::{Feedback, Scope};
use ratelimit_core::policy::LeakyBucket;
use ratelimit_core::site::Site;
use ratelimit_core::{Bucket, Permit, Rate, Registry, Request};

fn exact(bucket: Bucket) -> (ManualClock, Bucket) {
    let clock = ManualClock::new();
    (clock.clone(), bucket.guard(ns(0)).clock(clock))
}

/// Two at once, and one more each second.
fn burst() -> (ManualClock, Bucket) {
    exact(Bucket::named("b", Rate::per_second(1).burst(2)))
}

/// One a second, and one is taken.
fn taken() -> (ManualClock, Bucket) {
    let (clock, bucket) = exact(Bucket::named("b", Rate::per_second(1)));
    drop(bucket.try_acquire().unwrap());
    (clock, bucket)
}

fn waits(request: Request<'_>) -> Task {
    let mut task = Task::new(request.acquire_async());
    assert!(task.poll().is_none(), "it has to wait");
    task
}

fn starts(task: &mut Task) -> Permit {
    task.poll().expect("its turn").expect("a permit")
}

fn window(limit: u64, remaining: u64, millis: u64) -> Feedback {
    Feedback::default().limit(limit).remaining(remaining).reset_after(ms(millis))
}

fn rejected(millis: u64) -> Feedback {
    Feedback::default().rejected(true).retry_after(ms(millis))
}

#[test]
fn of_a_call_that_is_granted_at_once_nothing_is_told() {
    let buckets = [
        Bucket::named("b", Rate::per_second(99)),
        Bucket::named("b", Rate::per_second(99).burst(99)),
        Bucket::named("b", Rate::per_second(99)).total(Rate::per_second(99)).in_flight(9),
        Bucket::unlimited("events-free"),
        Bucket::with_policy("b", LeakyBucket::new(99.0, 1.0)),
    ];
    for bucket in buckets {
        let (_clock, bucket) = exact(bucket);
        let ((), told) = told(|| {
            for _ in 0..2 {
                drop(bucket.try_acquire().unwrap());
                drop(bucket.acquire().unwrap());
                bucket.request().key("k").acquire().unwrap().refund();
                bucket.request().weight(0).try_acquire().unwrap().correct(2);
                starts(&mut Task::new(bucket.acquire_async())).correct(0);
                drop(starts(&mut Task::new(bucket.request().key("k").max_delay(ms(9)).acquire_async())));
                drop(bucket.charge().unwrap());
                bucket.run(|| ()).unwrap();
                bucket.peek().unwrap();
            }
            bucket.reset().unwrap();
        });
        assert_eq!(told, <[&str; 0]>::default(), "{bucket:?}");
    }
}

#[test]
fn a_refusal_is_told_once_whoever_is_refused() {
    let (_clock, bucket) = burst();
    drop(bucket.request().weight(2).try_acquire().unwrap());
    drop(bucket.request().key("k").weight(2).try_acquire().unwrap());
    let by_rate = "bucket=b kind=limited rate=1/s burst 2 retry_after_ms=1000 scope=key weight=1";
    let limited = format!("DEBUG refused allowed_ms=0 {by_rate}");
    let refused = |ask: &dyn Fn()| told(ask).1;
    // At the gate, behind it, and again where the word of the last refusal stands.
    for _ in 0..3 {
        assert_eq!(refused(&|| drop(bucket.try_acquire().unwrap_err())), [limited.as_str()]);
        assert_eq!(refused(&|| drop(bucket.request().try_acquire().unwrap_err())), [limited.as_str()]);
        assert_eq!(
            refused(&|| drop(bucket.request().key("k").try_acquire().unwrap_err())),
            [limited.as_str()]
        );
    }
    let too_long = limited.replace("allowed_ms=0", "allowed_ms=7").replace("=limited", "=delay_too_long");
    let short = || bucket.request().max_delay(ms(6) + ns(1));
    assert_eq!(refused(&|| drop(short().acquire().unwrap_err())), [too_long.as_str()]);
    let poll = || drop(Task::new(short().acquire_async()).poll().unwrap().unwrap_err());
    assert_eq!(refused(&poll), [too_long]);
    let heavy = || drop(bucket.request().weight(3).max_delay(FOREVER).acquire().unwrap_err());
    assert_eq!(
        refused(&heavy),
        ["DEBUG refused bucket=b kind=too_heavy rate=1/s burst 2 scope=key weight=3"]
    );
    bucket.pause(ms(3_000)).unwrap();
    let paused = "DEBUG refused allowed_ms=0 bucket=b kind=limited retry_after_ms=3000 scope=bucket weight=1";
    assert_eq!(refused(&|| drop(bucket.try_acquire().unwrap_err())), [paused]);
}

#[test]
fn an_annotated_function_is_named() {
    static SITE: Site = Site::dynamic("shop::buy");
    let (_clock, bucket) = taken();
    let (refused, told) = told(|| SITE.call_on(&bucket).acquire());
    assert_eq!(refused.unwrap_err().site(), Some("shop::buy"));
    let refused = "DEBUG refused allowed_ms=0 bucket=b kind=limited rate=1/s retry_after_ms=1001 scope=key";
    assert_eq!(told, [format!("{refused} site=shop::buy weight=1")]);
}

/// An error that is no refusal by a bucket is none here.
#[test]
fn what_is_no_decision_is_not_told() {
    let ((), told) = told(|| {
        let registry = Registry::new();
        assert!(registry.get("nobody").is_err() && "10".parse::<Rate>().is_err());
        registry.close();
    });
    assert_eq!(told, <[&str; 0]>::default());
}

#[test]
fn who_waits_and_starts_is_told_of_twice() {
    let (clock, bucket) = taken();
    let (mut task, joined) = told(|| waits(bucket.request().max_delay(ms(1_500))));
    assert_eq!(joined, ["DEBUG waits bucket=b expected_ms=1001 weight=1"]);
    // However long: nobody has to find it out.
    let (mut long, joined) = told(|| waits(bucket.request().max_delay(FOREVER)));
    assert_eq!(joined, ["DEBUG waits bucket=b weight=1"]);
    let (_permit, started) = told(|| {
        clock.advance(ms(1_000) + ns(1));
        starts(&mut task)
    });
    assert_eq!(started, ["DEBUG started bucket=b waited_ms=1001 weight=1"]);
    clock.advance(ms(300));
    let ((), left) = told(|| drop(long));
    assert_eq!(left, ["DEBUG left bucket=b waited_ms=1301 weight=1"]);
    long = waits(bucket.request().max_delay(ms(900)));
    let (failed, told) = told(|| {
        bucket.pause(ms(9_000)).unwrap();
        long.poll().unwrap().unwrap_err()
    });
    assert_eq!(failed.retry_after(), Some(ms(9_000)));
    assert_eq!(
        told,
        [
            "INFO paused bucket=b by=caller for_ms=9000 scope=bucket",
            "DEBUG refused allowed_ms=900 bucket=b kind=delay_too_long retry_after_ms=9000 scope=bucket weight=1",
        ]
    );
}

#[test]
fn a_thread_that_waits_is_told_of_as_a_future_is() {
    let (clock, bucket) = taken();
    thread::scope(|scope| {
        let waiting = scope.spawn(|| told(|| bucket.request().max_delay(ms(1_500)).acquire().unwrap()).1);
        clock.wait_for_sleepers(1);
        clock.advance(ms(1_000) + ns(1));
        let expected = [
            "DEBUG waits bucket=b expected_ms=1001 weight=1",
            "DEBUG started bucket=b waited_ms=1001 weight=1",
        ];
        assert_eq!(waiting.join().unwrap(), expected);
    });
}

#[test]
fn what_is_learned_of_a_limit_is_told_when_it_changes() {
    let (clock, bucket) = exact(Bucket::learned("events-learned"));
    let hear = |answer: &Feedback| {
        let answer = answer.clone();
        told(|| bucket.request().observe(&answer).unwrap()).1
    };
    assert_eq!(
        hear(&window(9, 8, 1_500)),
        ["DEBUG learned bucket=events-learned limit=9 remaining=8 reset_ms=1500"]
    );
    assert_eq!(hear(&window(9, 7, 1_400)), <[&str; 0]>::default(), "nothing new");
    clock.advance(ms(2_000));
    assert_eq!(hear(&window(9, 8, 1_500)), <[&str; 0]>::default(), "it is remembered");
    clock.advance(ms(2_000));
    assert_eq!(
        hear(&window(5, 4, 1_500)),
        ["WARN shrunk before=9 bucket=events-learned limit=5 remaining=4 reset_ms=1500"]
    );
    clock.advance(ms(2_000));
    assert_eq!(
        hear(&window(6, 4, 1)),
        ["DEBUG learned before=5 bucket=events-learned limit=6 remaining=4 reset_ms=1"]
    );
    bucket.reset().unwrap();
    let unlimited = Feedback::default().remaining(3);
    assert_eq!(hear(&unlimited), ["DEBUG learned bucket=events-learned remaining=3"]);
}

#[test]
fn a_route_that_gets_another_name_is_told_of() {
    let (_clock, bucket) = exact(Bucket::learned("events-names"));
    let hear = |route: &str, name: &str| {
        let answer = window(9, 8, 1_000).bucket(name);
        told(|| bucket.request().route(route).observe(&answer).unwrap()).1
    };
    let learned = "DEBUG learned bucket=events-names limit=9 remaining=8 reset_ms=1000";
    assert_eq!(hear("GET /", "one"), ["DEBUG remapped bucket=events-names is_first=true", learned]);
    assert_eq!(hear("GET /", "one"), <[&str; 0]>::default());
    assert_eq!(hear("GET /", "two"), ["DEBUG remapped bucket=events-names is_first=false", learned]);
    assert_eq!(hear("PUT /", "two"), ["DEBUG remapped bucket=events-names is_first=true"]);
}

#[test]
fn a_pause_is_told_with_who_asked_for_it() {
    let (_clock, bucket) = exact(Bucket::named("b", Rate::per_second(9)));
    let hear = |answer: Feedback| told(|| bucket.request().observe(&answer).unwrap()).1;
    assert_eq!(hear(rejected(500)), ["WARN paused bucket=b by=server for_ms=500 scope=key"]);
    assert_eq!(hear(rejected(400)), <[&str; 0]>::default(), "the later end stands");
    let global = rejected(400).scope(Scope::Global);
    assert_eq!(hear(global.clone()), ["WARN paused bucket=b by=server for_ms=400 scope=bucket"]);
    assert_eq!(hear(global), <[&str; 0]>::default());
    let pause = |millis| told(|| bucket.pause(ms(millis)).unwrap()).1;
    assert_eq!(pause(300), <[&str; 0]>::default());
    assert_eq!(pause(700), ["INFO paused bucket=b by=caller for_ms=700 scope=bucket"]);
}

#[test]
fn the_end_of_a_bucket_is_told_with_how_many_waited() {
    let (_clock, bucket) = taken();
    let mut tasks = [(); 3].map(|()| Task::waiting(&bucket));
    let ((), told_of) = told(|| {
        bucket.close();
        bucket.close();
    });
    assert_eq!(told_of, ["WARN closed bucket=b waiting=3"]);
    let closed = "DEBUG refused bucket=b kind=closed scope=bucket weight=1";
    for task in &mut tasks {
        assert_eq!(told(|| task.poll().unwrap().unwrap_err()).1, [closed]);
    }
    let (_clock, idle) = burst();
    assert_eq!(told(|| idle.close()).1, ["DEBUG closed bucket=b waiting=0"]);
}

/// Keys and the server's names for its limits may name people, and routes may hold their names.
#[test]
fn neither_keys_nor_the_servers_names_are_told() {
    let (clock, bucket) = exact(Bucket::learned("events-secret"));
    let ask = || bucket.request().key("secret key").route("secret route").max_delay(ms(5_000));
    let ((), told) = told(|| {
        let probe = ask().try_acquire().unwrap();
        let mut waiting = [waits(ask()), waits(ask())];
        assert!(ask().try_acquire().is_err());
        probe.observe(&window(5, 2, 1_000).bucket("secret name"));
        let [first, second] = &mut waiting;
        drop((starts(first), starts(second)));
        ask().observe(&window(3, 0, 800).bucket("secret other")).unwrap();
        let given_up = waits(ask());
        drop(given_up);
        let mut late = waits(ask());
        ask().observe(&rejected(60_000)).unwrap();
        assert!(late.poll().unwrap().is_err());
        clock.advance(ms(60_000));
        bucket.close();
        assert!(ask().try_acquire().is_err());
    });
    for name in ["refused", "waits", "started", "left", "learned", "remapped", "paused", "closed"] {
        assert!(told.iter().any(|line| line.contains(&format!(" {name} "))), "{name} is not among {told:#?}");
    }
    assert!(told.iter().all(|line| !line.replace("events-secret", "").contains("secret")), "{told:#?}");
}
