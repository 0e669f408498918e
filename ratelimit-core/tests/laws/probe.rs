//! Whether what a refusal says is true to the nanosecond.

use ratelimit_core::clock::Timestamp;

use crate::common::Dice;
use crate::run::Refusal;
use crate::schedule::Schedule;
use crate::world::{Ended, World};

/// Law 5, on a run made again: refused one nanosecond earlier, granted then, everyone before starting when due.
pub(crate) fn probe(schedule: &Schedule, refusal: &Refusal) {
    let mut world = World::replay(schedule, refusal.step);
    // They stay in line and are not polled: nobody waits for them.
    let _passed: Vec<_> = refusal.passed.iter().map(|passed| world.tasks[*passed].take()).collect();
    let ask = |world: &mut World| {
        let tried = world.request(refusal.key, refusal.weight).try_acquire();
        matches!(world.ended(tried), Ended::Started { .. })
    };
    if refusal.at > world.now() {
        start_when_due(&mut world, refusal.at - 1);
        assert!(!ask(&mut world), "granted before {} ns: {refusal:?}", refusal.at);
    }
    if refusal.is_exact {
        start_when_due(&mut world, refusal.at);
        assert!(ask(&mut world), "refused at {} ns: {refusal:?}", refusal.at);
    }
}

fn start_when_due(world: &mut World, until: u64) {
    let (mut order, mut events) = (Dice::new(7), Vec::new());
    loop {
        world.poll_all(&mut order, &mut events);
        let wake = world.clock.next_wake().map_or(u64::MAX, Timestamp::as_nanos);
        world.advance_to(wake.min(until), &mut events);
        if wake >= until {
            return world.poll_all(&mut order, &mut events);
        }
    }
}
