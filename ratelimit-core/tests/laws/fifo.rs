//! Law 6: first in, first out; whose turn passes unused holds nobody up; keys meet in the total only.

use ratelimit_core::clock::{Clock, ManualClock, Sleep, Timestamp};
use ratelimit_core::{Bucket, Rate};

use crate::common::{FOREVER, Task, ms, ns};

fn bucket(rate: Rate, clock: &ManualClock) -> Bucket {
    Bucket::named("line", rate).guard(ns(0)).max_delay(FOREVER).clock(clock.clone())
}

fn keyed(bucket: &Bucket, key: u32, weight: u32) -> Task {
    Task::new(bucket.request().key(key).weight(weight).acquire_async())
}

fn starts(task: &mut Task) {
    assert!(task.is_woken(), "it is told");
    assert!(task.poll().is_some_and(|ended| ended.is_ok()), "it starts");
}

#[test]
fn try_acquire_does_not_jump_the_line_and_a_heavy_head_is_not_starved() {
    let clock = ManualClock::new();
    let bucket = bucket(Rate::per_second(3).burst(3), &clock);
    drop(bucket.request().weight(2).try_acquire().unwrap());
    let mut heavy = Task::new(bucket.request().weight(3).acquire_async());
    assert!(heavy.poll().is_none());
    for step in 0..20 {
        assert!(bucket.try_acquire().is_err(), "{step}: one would fit, but it is not first");
        clock.advance(ms(33));
    }
    clock.advance(ms(7));
    starts(&mut heavy);
}

#[test]
fn an_unused_turn_is_kept_10_ms_and_then_passed_over() {
    let clock = ManualClock::new();
    let bucket = bucket(Rate::per_second(2), &clock);
    drop(bucket.request().weight(2).try_acquire().unwrap());
    let (first, mut second) = (Task::waiting(&bucket), Task::waiting(&bucket));
    clock.advance(ms(1000) + ns(1));
    assert!(first.is_woken() && !second.is_woken());
    clock.advance(ms(10) - ns(1));
    assert!(!second.is_woken(), "the first has its 10 ms");
    assert!(second.poll().is_none() && bucket.try_acquire().is_err());
    clock.advance(ns(1));
    starts(&mut second);
    assert!(bucket.try_acquire().is_ok(), "newcomers pass it over as well");
    drop(first);
}

#[test]
fn who_was_passed_over_keeps_its_place_in_front() {
    let clock = ManualClock::new();
    let bucket = bucket(Rate::per_second(1), &clock);
    drop(bucket.try_acquire().unwrap());
    let (mut first, mut second, mut third) =
        (Task::waiting(&bucket), Task::waiting(&bucket), Task::waiting(&bucket));
    clock.advance(ms(1000) + ns(1));
    clock.advance(ms(10));
    starts(&mut second);
    assert!(first.poll().is_none(), "back in line, before the third");
    clock.advance(ms(1000) + ns(1));
    assert!(!third.is_woken());
    starts(&mut first);
    assert!(third.poll().is_none());
}

#[test]
fn who_was_passed_over_holds_nobody_up_again_until_it_is_polled() {
    let clock = ManualClock::new();
    let bucket = bucket(Rate::per_second(1).burst(1), &clock);
    drop(bucket.try_acquire().unwrap());
    let dead = Task::waiting(&bucket);
    clock.advance(ms(1000));
    clock.advance(ms(10));
    for _ in 0..5 {
        assert!(bucket.try_acquire().is_ok(), "not held up for another 10 ms");
        let mut behind = Task::waiting(&bucket);
        clock.advance(ms(1000));
        starts(&mut behind);
        clock.advance(ms(1000));
    }
    drop(dead);
}

#[test]
fn several_dead_ones_in_a_row_cost_10_ms_each_at_most_once() {
    let clock = ManualClock::new();
    let bucket = bucket(Rate::per_second(1).burst(1), &clock);
    drop(bucket.try_acquire().unwrap());
    let dead: Vec<Task> = (0..3).map(|_| Task::waiting(&bucket)).collect();
    let mut alive = Task::waiting(&bucket);
    clock.advance(ms(1000));
    for _ in 0..3 {
        assert!(!alive.is_woken());
        clock.advance(ms(10));
    }
    starts(&mut alive);
    drop(dead);
}

/// Those passed over are none of the newcomer's "everyone before it".
#[test]
fn a_refusal_behind_one_that_is_late_says_when_it_is_granted_really() {
    for dead in [0, 1] {
        let clock = ManualClock::new();
        let bucket = bucket(Rate::per_second(1), &clock);
        drop(bucket.try_acquire().unwrap());
        let dead: Vec<Task> = (0..dead).map(|_| Task::waiting(&bucket)).collect();
        clock.advance(ms(1000) + ns(1));
        clock.advance(ms(10));
        assert!(bucket.try_acquire().is_ok(), "the dead one is passed over");
        let mut alive = Task::new(bucket.request().max_delay(ms(5000)).acquire_async());
        assert!(alive.poll().is_none());
        clock.advance(ms(1003) + ns(1));
        assert!(alive.is_woken(), "3 ms late, and not polled yet");
        let refused = bucket.try_acquire().unwrap_err();
        assert_eq!(refused.retry_after(), Some(ms(1000) + ns(1)), "dead: {}", dead.len());
        starts(&mut alive);
        clock.advance(ms(1000));
        assert!(bucket.try_acquire().is_err());
        clock.advance(ns(1));
        assert!(bucket.try_acquire().is_ok());
    }
}

#[test]
fn keys_do_not_delay_each_other() {
    let clock = ManualClock::new();
    let bucket = bucket(Rate::per_second(1), &clock);
    drop(bucket.request().key(0).try_acquire().unwrap());
    let others = if cfg!(miri) { 10 } else { 100 };
    let mut line: Vec<Task> = (0..others).map(|_| keyed(&bucket, 0, 1)).collect();
    assert!(line.iter_mut().all(|task| task.poll().is_none()));
    for key in 1..others {
        assert!(bucket.request().key(key).try_acquire().is_ok());
        assert!(bucket.request().key(key).try_acquire().is_err());
    }
    assert!(bucket.try_acquire().is_ok(), "nor the call without a key");
}

#[test]
fn ready_heads_share_the_total_in_order_of_arrival() {
    let clock = ManualClock::new();
    let bucket = bucket(Rate::per_second(1), &clock).total(Rate::new(1, ms(100)));
    drop(bucket.request().key(0).try_acquire().unwrap());
    let mut heads: Vec<Task> = (1..10).map(|key| keyed(&bucket, key, 1)).collect();
    assert!(heads.iter_mut().all(|head| head.poll().is_none()));
    // A second one on the first key waits for its own key, and holds nobody up.
    let mut second = keyed(&bucket, 1, 1);
    assert!(second.poll().is_none());
    for index in 0..9 {
        assert!(bucket.request().key("new").try_acquire().is_err(), "newcomers come after ready heads");
        clock.advance(ms(100) + ns(1));
        assert_eq!(heads.iter().filter(|head| head.is_woken()).count(), 1);
        starts(&mut heads[0]);
        drop(heads.remove(0));
        assert!(!second.is_woken(), "{index}");
    }
    clock.advance(ms(100) + ns(1));
    assert!(bucket.request().key("new").try_acquire().is_ok(), "its own key is not ready");
    clock.advance(ms(100) + ns(1));
    starts(&mut second);
}

#[test]
fn a_heavy_head_is_not_starved_by_light_ones_of_other_keys() {
    let clock = ManualClock::new();
    let bucket = bucket(Rate::per_second(9), &clock).total(Rate::per_second(4).burst(4));
    drop(bucket.request().key(0).weight(4).try_acquire().unwrap());
    let mut heavy = keyed(&bucket, 1, 4);
    let mut light: Vec<Task> = (2..6).map(|key| keyed(&bucket, key, 1)).collect();
    assert!(heavy.poll().is_none() && light.iter_mut().all(|task| task.poll().is_none()));
    for _ in 0..10 {
        assert!(bucket.request().key(7).try_acquire().is_err());
        clock.advance(ms(99));
        assert!(light.iter().all(|task| !task.is_woken()));
    }
    clock.advance(ms(10));
    starts(&mut heavy);
    for task in &mut light {
        clock.advance(ms(250));
        starts(task);
    }
}

#[test]
fn a_dead_head_holds_other_keys_up_10_ms_at_most() {
    let clock = ManualClock::new();
    let bucket = bucket(Rate::per_second(9), &clock).total(Rate::per_second(1).burst(1));
    drop(bucket.request().key(0).try_acquire().unwrap());
    let (mut dead, mut alive) = (keyed(&bucket, 1, 1), keyed(&bucket, 2, 1));
    assert!(dead.poll().is_none() && alive.poll().is_none());
    clock.advance(ms(1009));
    assert!(dead.is_woken() && !alive.is_woken());
    clock.advance(ms(10));
    starts(&mut alive);
    // It comes back, and what it waits for now is past the allowance it does not have: it is first again.
    assert!(dead.poll().is_none());
    clock.advance(ms(1000));
    starts(&mut dead);
}

/// A clock whose sleeps end late, as timers do.
#[derive(Clone, Debug)]
struct Late(ManualClock);

impl Clock for Late {
    fn now(&self) -> Timestamp {
        self.0.now()
    }

    fn sleep_until(&self, at: Timestamp) -> Sleep {
        self.0.sleep_until(at.saturating_add(ms(1)))
    }
}

#[test]
fn a_newcomer_does_not_overtake_a_head_whose_timer_is_late() {
    let clock = ManualClock::new();
    let bucket = Bucket::named("late", Rate::per_second(1).burst(1)).guard(ns(0)).max_delay(FOREVER);
    let bucket = bucket.clock(Late(clock.clone()));
    drop(bucket.try_acquire().unwrap());
    let mut head = Task::waiting(&bucket);
    clock.advance(ms(1000));
    assert!(!head.is_woken(), "its timer is late");
    assert!(bucket.try_acquire().is_err(), "first come, first served");
    assert!(head.poll().is_some_and(|ended| ended.is_ok()));
}

#[test]
fn a_newcomer_does_not_take_the_total_before_a_ready_head_whose_timer_is_late() {
    let clock = ManualClock::new();
    let bucket = Bucket::named("late", Rate::new(1, ms(100)).burst(1)).total(Rate::per_second(1).burst(2));
    let bucket = bucket.guard(ns(0)).max_delay(FOREVER).clock(Late(clock.clone()));
    drop(bucket.request().key("a").try_acquire().unwrap());
    let mut head = Task::new(bucket.request().key("a").acquire_async());
    assert!(head.poll().is_none(), "it waits for its own key; the total has room for one");
    clock.advance(ms(100));
    assert!(!head.is_woken(), "ready, but its timer is late");
    assert!(bucket.request().key("b").try_acquire().is_err(), "the ready head came first");
    assert!(head.poll().is_some_and(|ended| ended.is_ok()));
}
