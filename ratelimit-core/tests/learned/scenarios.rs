//! The scenarios of the specification, by their numbers, and one for each of its rules that none of them covers.

use std::time::Duration;

use ratelimit_core::feedback::Scope;
use ratelimit_core::{Bucket, ErrorKind};

use crate::common::FOREVER;
use crate::world::{World, admitted, ans, each_way, ended, rejected};

/// The first call of a bucket has been answered so.
fn known(world: &World, answer: &ratelimit_core::feedback::Feedback) {
    let [permit] = admitted([&mut world.ask()]);
    permit.observe(answer);
}

#[test]
fn s1_first_calls() {
    each_way(|world| {
        let mut a = world.ask();
        let [permit] = admitted([&mut a]);
        let (mut b, mut c) = (world.ask(), world.ask());
        world.wait([&mut b, &mut c]);
        world.at(100);
        permit.observe(&ans(5, 4, 1000));
        let _permits = admitted([&mut b, &mut c]);
        assert_eq!(world.starts(), 2);
    });
}

#[test]
fn s3_the_probe_is_dropped() {
    each_way(|world| {
        let [probe] = admitted([&mut world.ask()]);
        let mut b = world.ask();
        world.wait([&mut b]);
        let mut c = world.ask();
        world.wait([&mut b, &mut c]);
        world.at(50);
        drop(probe);
        let [permit] = admitted([&mut b]);
        world.wait([&mut c]);
        world.at(100);
        permit.observe(&ans(5, 3, 1000));
        let _permit = admitted([&mut c]);
    });
}

#[test]
fn s6_exhaustion() {
    each_way(|world| {
        let [permit] = admitted([&mut world.ask()]);
        let mut b = world.ask();
        world.wait([&mut b]);
        permit.observe(&ans(10, 0, 1000));
        world.at(500);
        world.wait([&mut b]);
        world.at(999);
        world.wait([&mut b]);
        world.at(1000);
        let _permit = admitted([&mut b]);
    });
}

#[test]
fn s9_the_window_passes_with_a_call_in_flight() {
    each_way(|world| {
        known(&world, &ans(2, 1, 1000));
        let [b] = admitted([&mut world.ask()]);
        let mut c = world.ask();
        world.wait([&mut c]);
        let mut d = world.ask();
        world.wait([&mut c, &mut d]);
        world.at(1000);
        let [permit] = admitted([&mut c]);
        world.wait([&mut d]);
        world.at(1100);
        permit.observe(&ans(2, 1, 1000));
        world.wait([&mut d]);
        drop(b);
        world.wait([&mut d]);
    });
}

#[test]
fn s11_in_flight_not_yet_counted() {
    each_way(|world| {
        known(&world, &ans(6, 5, 1000));
        let [p1, p2, p3] = admitted([&mut world.ask(), &mut world.ask(), &mut world.ask()]);
        p1.observe(&ans(6, 4, 1000));
        assert_eq!(world.starts(), 2);
        p2.observe(&ans(6, 3, 1000));
        assert_eq!(world.starts(), 2);
        p3.observe(&ans(6, 2, 1000));
        assert_eq!(world.starts(), 2);
    });
}

#[test]
fn s13_out_of_order() {
    each_way(|world| {
        known(&world, &ans(6, 5, 1000));
        let [p1, p2] = admitted([&mut world.ask(), &mut world.ask()]);
        p2.observe(&ans(6, 3, 1000));
        p1.observe(&ans(6, 4, 1000));
        assert_eq!(world.starts(), 3);
    });
}

#[test]
fn s23_all_are_held_back() {
    each_way(|world| {
        known(&world, &ans(9, 8, 10_000));
        let [b, c, d] = admitted([&mut world.ask(), &mut world.ask(), &mut world.ask()]);
        b.observe(&rejected(60_000));
        world.at(1000);
        let mut e = world.ask();
        world.wait([&mut e]);
        world.at(2000);
        c.observe(&ans(9, 7, 8000));
        let mut again = world.ask();
        world.wait([&mut e, &mut again]);
        world.at(59_999);
        world.wait([&mut e, &mut again]);
        world.at(60_000);
        let _permits = admitted([&mut e, &mut again]);
        drop(d);
    });
}

#[test]
fn s24_furthest_in_the_future() {
    for scope in [Scope::Bucket, Scope::Shared, Scope::Global] {
        for (first, then, end) in [((0, 10_000), (1000, 100), 10_000), ((0, 100), (50, 10_000), 10_050)] {
            each_way(|world| {
                known(&world, &ans(9, 8, 20_000));
                let [a, b] = admitted([&mut world.ask(), &mut world.ask()]);
                world.at(first.0);
                a.observe(&rejected(first.1).scope(scope));
                world.at(then.0);
                b.observe(&rejected(then.1).scope(scope));
                let mut c = world.ask();
                world.wait([&mut c]);
                assert_eq!(world.clock.next_wake().map(|at| at.as_nanos() / 1_000_000), Some(end));
                world.at(end - 1);
                world.wait([&mut c]);
                world.at(end);
                let _permit = admitted([&mut c]);
            });
        }
    }
}

#[test]
fn s33_too_long_and_known() {
    each_way(|world| {
        known(&world, &ans(10, 0, 100_000));
        let mut impatient = world.ask_by(|bucket| bucket.request().max_delay(Duration::from_secs(60)));
        let [refused] = ended([&mut impatient]);
        let refused = refused.expect_err("it is too long");
        assert_eq!(refused.kind(), ErrorKind::DelayTooLong);
        assert_eq!(refused.retry_after(), Some(Duration::from_secs(100)));
        let mut patient = world.ask_by(|bucket| bucket.request().max_delay(Duration::from_secs(200)));
        world.wait([&mut patient]);
        world.at(100_000);
        let [permit] = admitted([&mut patient]);
        permit.refund();
        assert_eq!(world.starts(), 10, "nothing was taken");
    });
}

#[test]
fn s36_a_waiter_is_cancelled() {
    each_way(|world| {
        known(&world, &ans(1, 0, 1000));
        let mut a = world.ask_as_future();
        world.wait([&mut a]);
        let mut b = world.ask();
        world.wait([&mut a, &mut b]);
        let mut c = world.ask();
        world.wait([&mut a, &mut b, &mut c]);
        world.at(500);
        drop(a);
        world.wait([&mut b, &mut c]);
        world.at(1000);
        let [permit] = admitted([&mut b]);
        world.wait([&mut c]);
        world.at(1100);
        permit.observe(&ans(1, 0, 1000));
        world.at(2100);
        let [permit] = admitted([&mut c]);
        permit.observe(&ans(1, 0, 1000));
        world.at(3100);
        let _permit = admitted([&mut world.ask()]);
    });
}

#[test]
fn s39_dropped_after_admission() {
    each_way(|world| {
        known(&world, &ans(4, 3, 10_000));
        let [a] = admitted([&mut world.ask()]);
        world.at(20);
        drop(a);
        assert_eq!(world.starts(), 2, "it may have been counted");
        world.bucket.request().observe(&ans(4, 3, 9980)).expect("it is open");
        assert_eq!(world.starts(), 2, "and is charged whatever an answer says");
        world.at(10_000);
        assert_eq!(world.starts(), 4, "it is not in flight any more");
    });
}

#[test]
fn s43_two_routes_one_name() {
    each_way(|world| {
        let route = |name: &'static str| {
            move |bucket: &Bucket| -> usize {
                let mut permits = Vec::new();
                while let Ok(permit) = bucket.request().route(name).key("k").try_acquire() {
                    permits.push(permit);
                }
                let started = permits.len();
                permits.into_iter().for_each(ratelimit_core::Permit::refund);
                started
            }
        };
        let ask = |name: &'static str| {
            let mut caller =
                world.ask_by(move |bucket| bucket.request().route(name).key("k").max_delay(FOREVER));
            let [permit] = admitted([&mut caller]);
            permit
        };
        ask("r1").observe(&ans(3, 2, 1000).bucket("b1"));
        ask("r2").observe(&ans(3, 1, 1000).bucket("b1"));
        assert_eq!([route("r1")(&world.bucket), route("r2")(&world.bucket)], [1, 1]);
        ask("r1").observe(&ans(5, 4, 1000).bucket("b2"));
        assert_eq!([route("r1")(&world.bucket), route("r2")(&world.bucket)], [4, 1]);
    });
}
