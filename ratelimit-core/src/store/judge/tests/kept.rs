//! What stays in a record, and until when it is kept itself.

use std::slice::from_ref;

use super::world::{World, part, plan, sliding};
use crate::store::record::UNIT;

const SECOND: u64 = 1_000_000;

/// In lots: no start is there for more than a 64th longer than it has to be.
#[test]
fn what_is_over_is_forgotten_in_lots() {
    let part = part(&plan(&[sliding(1_000, 63 * SECOND)]), 0);
    let mut world = World::new();
    let entries = (0..200).map(|_| {
        world.now += SECOND / 2;
        world.charge(from_ref(&part), 1);
        let bytes = world.bytes(&part).unwrap();
        // Behind when it was written, the newest start, which record it is, until when it is kept, and the weight.
        let at = part.plan.head.len() + 8 + 8 + 4 + 4 + 8;
        u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
    });
    // Of 64 s there are 129 starts, the one that is exactly so old included.
    let entries: Vec<u32> = entries.collect();
    let next = |pair: &[u32]| [[129, 130], [130, 131], [131, 129]].iter().any(|one| one == pair);
    assert!(entries[140..].windows(2).all(next), "{entries:?}");
}

#[test]
fn until_when_a_record_is_kept_changes_now_and_then() {
    let part = part(&plan(&[sliding(1_000, 79 * SECOND)]), 0);
    let mut world = World::new();
    let ends = (0..40).map(|_| {
        world.now += SECOND;
        world.charge(from_ref(&part), 1);
        let until = world.records[&part.entry.to_string()].until;
        // A second longer than it counts, an eighth of that, and what it is rounded by.
        let least = world.now + 80 * SECOND + 1;
        assert!((least..=least + 10 * SECOND + UNIT).contains(&until), "{least} {until}");
        until
    });
    let mut ends: Vec<u64> = ends.collect();
    ends.dedup();
    assert!((3..=5).contains(&ends.len()), "{ends:?}");
}
