//! What the server says to one process, all know.
#![allow(clippy::expect_used, reason = "a failure of the tests' own world")]

use std::sync::Arc;
use std::time::Duration;

use ratelimit_core::clock::ManualClock;
use ratelimit_core::feedback::{Feedback, Scope};
use ratelimit_core::site::Site;
use ratelimit_core::store::OnOutage;
use ratelimit_core::{Bucket, ErrorKind, ErrorScope, Pace, Permit, Rate, Registry};

use crate::basics::World;
use crate::common::{FOREVER, Task};
use crate::faulty::{Fault, Faulty};

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn window(limit: u64, remaining: u64, reset_after: u64) -> Feedback {
    Feedback::default().limit(limit).remaining(remaining).reset_after(secs(reset_after))
}

fn start(bucket: &Bucket, key: &str, route: &str) -> Result<Permit, ratelimit_core::Error> {
    bucket.request().key(key).route(route).try_acquire()
}

/// A call that is answered, as everybody knows then.
fn call(bucket: &Bucket, key: &str, route: &str, answer: &Feedback) {
    start(bucket, key, route).expect("a call that may start").observe(answer);
    settle(bucket);
}

/// Until all that was told has come to the store.
fn settle(bucket: &Bucket) {
    bucket.peek().expect("a store that answers");
}

#[test]
fn what_remains_is_shared() {
    let world = World::new();
    let declared = || Bucket::learned("api");
    let (one, other) = (world.process(declared()), world.process(declared()));
    call(&one, "ann", "GET /", &window(5, 4, 10));
    let first: Vec<_> =
        [&other, &one, &other, &one].map(|process| start(process, "ann", "GET /").unwrap()).into();
    for process in [&one, &other] {
        let refused = start(process, "ann", "GET /").unwrap_err();
        assert_eq!((refused.kind(), refused.scope()), (ErrorKind::Limited, Some(ErrorScope::Server)));
        assert_eq!(refused.retry_after(), Some(secs(10)));
    }
    // Of another key and of another route nothing is known.
    let elsewhere = (start(&other, "bob", "GET /").unwrap(), start(&other, "ann", "PUT /").unwrap());
    drop((first, elsewhere));
    settle(&one);
    settle(&other);
    world.clock.advance(secs(10));
    let next = [&one, &other, &one, &other, &one].map(|process| start(process, "ann", "GET /").unwrap());
    assert!(start(&other, "ann", "GET /").is_err(), "the whole limit is there again, and no more");
    drop(next);
}

#[test]
fn one_call_at_a_time_finds_out() {
    let world = World::new();
    let declared = || Bucket::learned("api");
    let (one, other) = (world.process(declared()), world.process(declared()));
    let first = start(&one, "ann", "GET /").unwrap();
    let refused = start(&other, "ann", "GET /").unwrap_err();
    assert_eq!((refused.scope(), refused.retry_after()), (Some(ErrorScope::Server), None));
    first.observe(&window(3, 2, 10));
    settle(&one);
    let _two = (start(&other, "ann", "GET /").unwrap(), start(&one, "ann", "GET /").unwrap());
    assert!(start(&other, "ann", "GET /").is_err());
}

#[test]
fn a_call_that_never_reached_the_server_is_not_counted() {
    let world = World::new();
    let (one, other) = (world.process(Bucket::learned("api")), world.process(Bucket::learned("api")));
    call(&one, "ann", "GET /", &window(2, 1, 10));
    start(&other, "ann", "GET /").unwrap().refund();
    settle(&other);
    let last = start(&one, "ann", "GET /").unwrap();
    assert!(start(&other, "ann", "GET /").is_err());
    // Unlike one of which nobody knows.
    drop(last);
    settle(&one);
    assert!(start(&other, "ann", "GET /").is_err());
}

/// A process that was killed tells nothing of its calls: they count as lost after a while.
#[test]
fn calls_of_a_process_that_is_gone_are_not_waited_for() {
    let world = World::new();
    let one = world.process(Bucket::learned("api"));
    call(&one, "ann", "GET /", &window(5, 4, 3600));
    let gone = world.process(Bucket::learned("api"));
    std::mem::forget((start(&gone, "ann", "GET /").unwrap(), gone));
    for _ in 0..3 {
        world.clock.advance(secs(31));
        let permit = start(&one, "ann", "GET /").unwrap();
        permit.refund();
        settle(&one);
    }
    let _three = [(); 3].map(|()| start(&one, "ann", "GET /").unwrap());
    assert!(start(&one, "ann", "GET /").is_err());
}

#[test]
fn the_servers_pauses_hold_everybody_up() {
    let world = World::new();
    let declared = || Bucket::named("api", Rate::per_second(100));
    let (one, other) = (world.process(declared()), world.process(declared()));
    let rejected = Feedback::default().rejected(true).retry_after(secs(30));
    call(&other, "bob", "GET /", &window(100, 99, 60));
    call(&one, "ann", "GET /", &rejected);
    let refused = start(&other, "ann", "GET /").unwrap_err();
    assert_eq!((refused.scope(), refused.retry_after()), (Some(ErrorScope::Server), Some(secs(30))));
    assert!(start(&other, "bob", "GET /").is_ok());
    call(&one, "bob", "GET /", &rejected.clone().scope(Scope::Global));
    assert_eq!(start(&other, "eve", "PUT /").unwrap_err().retry_after(), Some(secs(30)));
    world.clock.advance(secs(30));
    assert!(start(&other, "ann", "GET /").is_ok() && start(&one, "eve", "PUT /").is_ok());
}

#[test]
fn nobody_waits_longer_than_max_pause_for_the_server() {
    let world = World::new();
    let bucket = world.process(Bucket::learned("api").max_pause(secs(60)));
    call(&bucket, "ann", "GET /", &Feedback::default().rejected(true).retry_after(secs(3600)));
    let refused = bucket.request().key("ann").route("GET /").max_delay(Duration::MAX).acquire().unwrap_err();
    assert_eq!((refused.kind(), refused.retry_after()), (ErrorKind::DelayTooLong, Some(secs(3600))));
}

/// What the server calls a limit tells windows apart, also for who has not heard that name yet.
#[test]
fn routes_of_one_name_share_a_window() {
    let world = World::new();
    let (one, other) = (world.process(Bucket::learned("api")), world.process(Bucket::learned("api")));
    let named = |remaining| window(4, remaining, 60).bucket("abcd");
    // The other knows the route by itself, and not its name.
    call(&other, "ann", "GET /", &Feedback::default());
    call(&one, "ann", "GET /", &named(3));
    call(&one, "ann", "PUT /", &named(2));
    let _two = (start(&other, "ann", "GET /").unwrap(), start(&other, "ann", "PUT /").unwrap());
    for (process, route) in [(&one, "GET /"), (&other, "GET /"), (&one, "PUT /"), (&other, "PUT /")] {
        assert!(start(process, "ann", route).is_err(), "{route}");
    }
}

#[test]
fn who_waits_for_the_server_starts_when_it_lets_them() {
    let world = World::new();
    let (one, other) = (world.process(Bucket::learned("api")), world.process(Bucket::learned("api")));
    call(&one, "ann", "GET /", &window(2, 0, 10));
    std::thread::scope(|scope| {
        let waits = || {
            let permit = other.request().key("ann").route("GET /").max_delay(secs(60)).acquire().unwrap();
            permit.waited()
        };
        let waiters = [scope.spawn(waits), scope.spawn(waits)];
        world.clock.wait_for_sleepers(2);
        // Both have been told when to ask again, as whatever was asked before is answered.
        settle(&other);
        world.clock.advance(secs(10));
        for waiter in waiters {
            assert_eq!(waiter.join().unwrap(), secs(10));
        }
    });
}

#[test]
fn a_reset_forgets_what_was_learned() {
    let world = World::new();
    let (one, other) = (world.process(Bucket::learned("api")), world.process(Bucket::learned("api")));
    call(&one, "ann", "GET /", &window(1, 0, 3600));
    assert!(start(&other, "ann", "GET /").is_err());
    one.request().key("ann").reset().unwrap();
    assert!(start(&other, "ann", "GET /").is_ok());
    call(&one, "bob", "GET /", &window(1, 0, 3600));
    one.reset().unwrap();
    assert!(start(&other, "bob", "GET /").is_ok());
}

/// A look tells what a call would meet, as far as anybody was told.
#[test]
fn a_look_sees_what_was_learned() {
    let world = World::new();
    let declared = || Bucket::named("api", Rate::per_second(100));
    let (one, other) = (world.process(declared()), world.process(declared()));
    let look = |process: &Bucket| process.request().key("ann").route("GET /").peek().unwrap();
    call(&other, "bob", "GET /", &window(100, 99, 60));
    call(&one, "ann", "GET /", &window(5, 0, 10));
    for process in [&one, &other] {
        assert_eq!((look(process).wait(), look(process).paused_for()), (Some(secs(10)), Duration::ZERO));
        assert_eq!(process.request().key("eve").route("GET /").peek().unwrap().wait(), Some(Duration::ZERO));
    }
    world.clock.advance(secs(10));
    call(&one, "ann", "GET /", &Feedback::default().rejected(true).retry_after(secs(30)));
    let everybody = Feedback::default().rejected(true).retry_after(secs(20)).scope(Scope::Global);
    call(&one, "eve", "PUT /", &everybody);
    for process in [&one, &other] {
        assert_eq!((look(process).wait(), look(process).paused_for()), (Some(secs(30)), secs(30)));
        assert_eq!(process.request().key("bob").route("GET /").peek().unwrap().paused_for(), secs(20));
    }
    // A look at a window that has another name by now sees that one.
    world.clock.advance(secs(30));
    call(&one, "ann", "GET /", &window(5, 0, 10).bucket("abcd"));
    assert_eq!(look(&other).wait(), Some(secs(10)));
}

/// Also the first answer of all, to a call that began before anything was learned.
#[test]
fn the_first_answer_is_of_the_function_that_was_called() {
    static LIST: Site = Site::dynamic("list");
    static SHOW: Site = Site::dynamic("show");
    let world = World::new();
    let bucket = world.process(Bucket::named("api", Rate::per_hour(100)));
    let start = |site: &'static Site| site.call_on(&bucket).acquire().map(|permit| site.mark(permit));
    start(&LIST).expect("it is free").observe(&window(5, 0, 60));
    settle(&bucket);
    assert_eq!(start(&LIST).expect_err("nothing remains").retry_after(), Some(secs(60)));
    assert!(start(&SHOW).is_ok(), "that is another function's");
}

/// A program may ask its server for its limits before it makes any call.
#[test]
fn what_is_told_without_a_call_counts() {
    let world = World::new();
    let (one, other) = (world.process(Bucket::learned("api")), world.process(Bucket::learned("api")));
    one.request().observe(&window(5, 1, 10)).unwrap();
    one.request().key("ann").route("GET /").observe(&window(5, 0, 20).bucket("abcd")).unwrap();
    settle(&one);
    let _last = other.try_acquire().unwrap();
    assert_eq!(other.try_acquire().unwrap_err().retry_after(), Some(secs(10)));
    assert_eq!(start(&other, "ann", "GET /").unwrap_err().retry_after(), Some(secs(20)));
    assert!(start(&other, "bob", "GET /").is_ok());
}

/// What is given back was never on its way to the server.
#[test]
fn a_reserved_start_that_is_given_back_is_not_on_its_way() {
    let world = World::new();
    let (one, other) = (world.process(Bucket::learned("api")), world.process(Bucket::learned("api")));
    call(&one, "ann", "GET /", &window(5, 2, 3600).bucket("abcd"));
    let asking = || {
        let future = other.request().key("ann").route("GET /").max_delay(secs(60)).acquire_async();
        let mut task = Task::new(future);
        assert!(task.poll().is_none(), "the store is asked elsewhere");
        task
    };
    // Before the answer has come, and after it.
    drop(asking());
    settle(&other);
    let asked = asking();
    settle(&other);
    drop(asked);
    settle(&other);
    let two = [&one, &other].map(|process| start(process, "ann", "GET /").unwrap());
    assert!(start(&other, "ann", "GET /").is_err());
    drop(two);
}

/// As where there is no store.
#[test]
fn a_charge_counts_in_its_window() {
    let world = World::new();
    let declared = || Bucket::named("api", Rate::per_second(100));
    let (one, other) = (world.process(declared()), world.process(declared()));
    call(&one, "ann", "GET /", &window(100, 10, 3600));
    let waits = start(&other, "ann", "GET /").unwrap();
    let charged = one.request().key("ann").route("GET /").weight(5).charge().unwrap();
    let weigh = |process: &Bucket, weight| {
        process.request().key("ann").route("GET /").weight(weight).peek().unwrap().wait()
    };
    assert_eq!((weigh(&other, 4), weigh(&other, 5)), (Some(Duration::ZERO), Some(secs(3600))));
    // It ends, and takes nothing of the other's.
    charged.observe(&window(100, 5, 3600));
    settle(&one);
    assert_eq!((weigh(&other, 4), weigh(&other, 5)), (Some(Duration::ZERO), Some(secs(3600))));
    drop(waits);
}

/// A call that began before anything was learned is in no window.
#[test]
fn the_end_of_a_call_from_before_takes_nothing_of_others() {
    let world = World::new();
    let declared = || Bucket::named("api", Rate::per_hour(1000));
    let (one, other) = (world.process(declared()), world.process(declared()));
    let mut early = Task::new(one.request().weight(99).max_delay(FOREVER).acquire_async());
    assert!(early.poll().is_none(), "the store is asked elsewhere");
    settle(&one);
    one.request().observe(&window(100, 100, 3600)).unwrap();
    settle(&one);
    other.request().observe(&window(100, 100, 3600)).unwrap();
    let _running = other.try_acquire().unwrap();
    let early = early.poll().expect("it was answered").unwrap();
    early.observe(&window(100, 1, 3600));
    settle(&one);
    // Of what remains one is on its way.
    assert_eq!(other.peek().unwrap().wait(), Some(secs(3600)));
}

/// As where there is no store.
#[test]
fn a_correction_counts_in_its_window() {
    let world = World::new();
    let (one, other) = (world.process(Bucket::learned("api")), world.process(Bucket::learned("api")));
    call(&one, "ann", "GET /", &window(100, 10, 3600));
    let permit = start(&one, "ann", "GET /").unwrap();
    let weigh = |weight| other.request().key("ann").route("GET /").weight(weight).peek().unwrap().wait();
    for (cost, left) in [(8, 2), (3, 7), (4, 6), (10, 0)] {
        permit.correct(cost);
        settle(&one);
        let waits = (left > 0).then(|| weigh(left));
        assert!(waits.is_none_or(|wait| wait == Some(Duration::ZERO)), "{cost}");
        assert_eq!(weigh(left + 1), Some(secs(3600)), "{cost}");
    }
    permit.observe(&window(100, 0, 3600));
    settle(&one);
    other.request().key("ann").route("GET /").observe(&window(100, 9, 3600)).unwrap();
    settle(&other);
    assert_eq!(weigh(1), Some(secs(3600)));
    world.clock.advance(secs(3600));
    assert_eq!(weigh(100), Some(Duration::ZERO), "nothing is on its way any more");
}

/// What the server counts knows no pace.
#[test]
fn at_half_speed_the_servers_windows_are_as_they_are() {
    let world = World::new();
    let registry = Registry::builder().store(Arc::clone(&world.store)).clock(world.clock.clone()).build();
    let slow = registry.register(Bucket::named("api", Rate::per_second(100))).unwrap();
    call(&slow, "ann", "GET /", &window(3, 3, 3600));
    registry.set_pace(Pace::Slow);
    let _three = [(); 3].map(|()| start(&slow, "ann", "GET /").unwrap());
    assert!(start(&slow, "ann", "GET /").is_err());
}

/// Who has not heard of a window's name tells of its calls all the same.
#[test]
fn a_call_lands_in_the_window_that_its_own_has_become() {
    let world = World::new();
    let (one, other) = (world.process(Bucket::learned("api")), world.process(Bucket::learned("api")));
    call(&one, "ann", "GET /", &window(5, 4, 60));
    let (first, second) = (start(&one, "ann", "GET /").unwrap(), start(&other, "ann", "GET /").unwrap());
    first.observe(&window(5, 3, 60).bucket("abcd"));
    settle(&one);
    second.observe(&window(5, 2, 60));
    settle(&other);
    let _two = [&one, &other].map(|process| start(process, "ann", "GET /").unwrap());
    assert!(start(&one, "ann", "GET /").is_err());
}

/// What a store counts it counts by its own clock.
#[test]
fn another_clock_moves_no_call_in_a_store() {
    let world = World::new();
    let registry = Registry::builder().store(Arc::clone(&world.store)).clock(world.clock.clone()).build();
    let bucket = registry.register(Bucket::learned("api")).unwrap();
    call(&bucket, "ann", "GET /", &window(2, 2, 3600));
    let permit = start(&bucket, "ann", "GET /").unwrap();
    registry.set_clock(ManualClock::new());
    permit.refund();
    settle(&bucket);
    let _two = [(); 2].map(|()| start(&bucket, "ann", "GET /").unwrap());
}

/// A start that is reserved is of the window that it was asked for.
#[test]
fn nobody_starts_by_what_another_window_lets_start() {
    let clock = ManualClock::new();
    clock.advance(secs(1_000_000));
    let store = Arc::new(Faulty::new(&clock));
    let declared = || Bucket::learned("api").and(Rate::per_second(100));
    let bucket = declared().store(Arc::clone(&store)).clock(clock.clone());
    let probe = start(&bucket, "ann", "GET /").unwrap();
    let asking = |route| {
        let mut task = Task::new(bucket.request().key("ann").route(route).max_delay(FOREVER).acquire_async());
        assert!(task.poll().is_none(), "the store is asked elsewhere");
        task
    };
    let stall = store.gate.lock().expect("nobody panics with it");
    let (mut get, mut put) = (asking("GET /"), asking("PUT /"));
    drop(stall);
    settle(&bucket);
    assert!(get.poll().is_none(), "nothing is known of its window yet");
    let started = |task: &mut Task| {
        (0..200).find_map(|look| {
            if look % 4 == 3 {
                clock.advance(Duration::from_millis(50));
            }
            settle(&bucket);
            task.poll()
        })
    };
    probe.observe(&window(5, 4, 3600));
    for task in [&mut get, &mut put] {
        assert!(started(task).expect("there is room by now").is_ok());
    }
}

/// What a process starts by itself, while the store is away, is in no window of the store's.
#[test]
fn what_starts_without_the_store_takes_nothing_of_others() {
    let clock = ManualClock::new();
    clock.advance(secs(1_000_000));
    let store = Arc::new(Faulty::new(&clock));
    let process = || {
        let declared = Bucket::named("api", Rate::per_second(100)).on_outage(OnOutage::Local { share: 0.5 });
        declared.store(Arc::clone(&store)).clock(clock.clone())
    };
    let (one, other) = (process(), process());
    call(&one, "ann", "GET /", &window(5, 4, 60));
    call(&other, "ann", "GET /", &window(5, 4, 60));
    let _two = [(); 2].map(|()| start(&other, "ann", "GET /").unwrap());
    store.fail_next(Fault::Before);
    let alone = start(&one, "ann", "GET /").unwrap();
    assert!(store.has_failed());
    alone.refund();
    settle(&one);
    // It is counted as late as it may be there, by as long as an answer took.
    clock.advance(secs(30));
    let _rest = [(); 2].map(|()| start(&other, "ann", "GET /").unwrap());
    assert!(start(&other, "ann", "GET /").is_err(), "four are on their way");
}
