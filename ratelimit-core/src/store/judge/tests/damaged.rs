//! Bytes that are no record: an error, never a panic, and never a fresh state.

use std::sync::Arc;
use std::time::Duration;

use super::windows::{answer, call, hear, windows};
use super::world::{
    BEGIN, World, bucket, fixed, now_or_never, own_plan, part, plan, reserve, sliding, total,
};
use crate::dice::Dice;
use crate::feedback::{Feedback, Scope};
use crate::policy::Prototype;
use crate::store::ask::{Acquire, Ask, Entry, Part, Plan, Verb, Windows};
use crate::store::window::Heard;

fn plans() -> Vec<Arc<Plan>> {
    let (slides, fills, opens) = (sliding(9, 1_000_000), bucket(70, 1_000_000, 9), fixed(9, 1_000_000));
    let all = [slides, fills, opens, sliding(4, 70_000)];
    let own = Prototype::new(super::own::Calm);
    vec![plan(&[slides]), plan(&[fills]), plan(&[opens]), plan(&all), plan(&[]), own_plan(&all, &own)]
}

fn verbs() -> Vec<Verb> {
    let slack = Acquire { weight: 2, after: 3, slack: 1_000_000, allowance: 5, reserves: false };
    vec![
        Verb::Charge { weight: 7 },
        now_or_never(1),
        reserve(3),
        Verb::Acquire(slack),
        Verb::Refund { start: BEGIN + 9, weight: 3, given: 2, born: [0; 2] },
        Verb::Peek { weight: 1 },
        Verb::Restore { records: vec![None], lost: false },
    ]
}

/// A record in a world, and all that can be asked of it.
struct Target {
    world: World,
    entry: Entry,
    asks: Vec<Ask>,
    /// As what a process puts back.
    restore: Option<Part>,
}

impl Target {
    fn record((world, of): (World, Part)) -> Self {
        let asks = verbs().into_iter().map(|verb| Ask::of(vec![of.clone()], verb)).collect();
        Target { world, entry: of.entry.clone(), asks, restore: Some(of) }
    }

    fn whole(&self) -> Vec<u8> {
        self.world.bytes_of(&self.entry).expect("it is there").to_vec()
    }

    /// How many asks are answered, of a record with these bytes.
    fn ask_all(&self, bytes: &[u8]) -> usize {
        let mut world = self.world.clone();
        let name = self.entry.to_string();
        let mut answered = 0;
        for ask in &self.asks {
            world.records.get_mut(&name).expect("it is there").bytes = bytes.to_vec();
            let before = world.records.clone();
            match world.try_ask(ask) {
                Ok(_) => answered += 1,
                Err(_) => assert_eq!(world.records, before, "an error writes nothing"),
            }
            world.records.remove(&name);
            if let Some(of) = &self.restore {
                let records = vec![Some(bytes.to_vec())];
                let _ = world.try_play(std::slice::from_ref(of), Verb::Restore { records, lost: false });
            }
            world.records = before;
        }
        answered
    }
}

/// What the server says, in each form that it has.
fn said() -> Vec<Target> {
    let says = || Feedback::default().limit(9_000).remaining(700);
    let rejected = Feedback::default().rejected(true);
    let answers = [
        says().reset_after(Duration::from_secs(7)),
        says(),
        Feedback::default(),
        rejected.clone(),
        rejected.retry_after(Duration::from_secs(5)).scope(Scope::Global),
    ];
    let rename = || {
        let to = Windows { all: windows(0, "=b").entry, ..windows(0, "~a") };
        Ask::of_windows(to, Verb::Rename { name: "=b".into(), joins: true })
    };
    let alone = |verb| Ask::of_windows(windows(0, "~a"), verb);
    let mut asks: Vec<_> =
        answers.iter().map(|feedback| hear(0, BEGIN, 3, answer(feedback.clone()))).collect();
    asks.extend([Heard::Nothing, Heard::Unsent].map(|heard| hear(0, BEGIN, 3, heard)));
    asks.extend([call(0, 1), alone(Verb::Peek { weight: 1 }), alone(Verb::Reset)]);
    asks.push(alone(Verb::Restore { records: Vec::new(), lost: false }));
    let targets = (0..=answers.len()).map(|which| {
        let mut world = World::new();
        let start = world.calls(0, 300);
        world.now += 31_000_000;
        world.calls(0, 2);
        let entry = if let Some(feedback) = answers.get(which) {
            world.ask(&hear(0, start, 2, answer(feedback.clone())));
            let windows = windows(0, "~a");
            if feedback == answers.last().unwrap() { windows.all } else { windows.entry }
        } else {
            world.ask(&rename());
            windows(0, "~a").entry
        };
        // What everybody is told takes no other name.
        let renames = entry.key().is_some().then(rename);
        let asks = asks.iter().cloned().chain(renames).collect();
        Target { world, entry, asks, restore: None }
    });
    targets.collect()
}

fn targets() -> Vec<Target> {
    plans().iter().map(|plan| Target::record(used(plan))).chain(said()).collect()
}

fn used(plan: &Arc<Plan>) -> (World, Part) {
    let of = part(plan, 0);
    let mut world = World::new();
    let mut dice = Dice::new(7);
    for _ in 0..12 {
        world.now += dice.below(90_000);
        world.charge(std::slice::from_ref(&of), u32::try_from(dice.pick(&[1, 2, 300])).unwrap());
    }
    (world, of)
}

#[test]
fn bytes_that_end_too_soon_or_too_late_are_an_error() {
    for target in targets() {
        let whole = target.whole();
        assert_eq!(target.ask_all(&whole), target.asks.len());
        for len in 0..whole.len() {
            assert_eq!(target.ask_all(&whole[..len]), 0, "{len} of {} bytes", whole.len());
        }
        for more in [&[0][..], &whole] {
            assert_eq!(target.ask_all(&[&whole, more].concat()), 0);
        }
    }
}

#[test]
fn a_byte_that_is_another_never_panics() {
    let values = if cfg!(miri) { &[0xff][..] } else { &[0, 1, 0x7f, 0xff] };
    for target in targets() {
        let whole = target.whole();
        let mut refused = 0;
        for index in 0..whole.len() {
            for value in values {
                let mut bytes = whole.clone();
                bytes[index] = *value;
                refused += usize::from(target.ask_all(&bytes) == 0);
                // And everything from there on.
                bytes[index..].fill(*value);
                refused += usize::from(target.ask_all(&bytes) == 0);
            }
        }
        assert!(refused > 0);
    }
}

#[test]
fn what_is_wrong_with_it_is_told() {
    let of = part(&plans()[0], 0);
    let (world, _) = used(&of.plan);
    let whole = world.bytes(&of).unwrap().to_vec();
    let told = |bytes: &[u8]| {
        let mut world = world.clone();
        world.records.get_mut(&of.entry.to_string()).unwrap().bytes = bytes.to_vec();
        world.try_play(std::slice::from_ref(&of), now_or_never(1)).expect_err("it is unreadable").to_string()
    };
    assert_eq!(told(&[]), "a state in the store cannot be read: it is empty");
    let newer = [&[9], &whole[1..]].concat();
    assert_eq!(
        told(&newer),
        "a state in the store cannot be read: it is of format 9, and this program knows format 1"
    );
    assert_eq!(told(&whole[..9]), "a state in the store cannot be read: it is damaged, or of another policy");
}

/// One entry of two cannot be read: nothing of the other is taken.
#[test]
fn all_of_an_ask_fails_with_one_of_its_entries() {
    let (of, all) = (part(&plans()[0], 0), total(&plans()[1]));
    let mut world = World::new();
    assert!(world.takes(&[of.clone(), all.clone()], 1));
    world.records.get_mut(&of.entry.to_string()).unwrap().bytes.pop();
    let before = world.records.clone();
    for verb in [now_or_never(1), Verb::Charge { weight: 1 }, Verb::Reset, Verb::Peek { weight: 1 }] {
        assert!(world.try_play(&[of.clone(), all.clone()], verb).is_err());
    }
    assert_eq!(world.records, before);
    assert_eq!(world.used(&[all]), 1);
}

/// Times and weights as great as there are.
#[test]
fn no_number_is_too_great() {
    for plan in plans() {
        let of = part(&plan, 0);
        let mut world = World::new();
        for now in [0, 1, BEGIN, u64::MAX / 2, u64::MAX, BEGIN] {
            world.now = now;
            let ask = |verb| Ask::of(vec![of.clone()], verb);
            for weight in [1, u32::MAX] {
                for _ in 0..3 {
                    let great = Acquire {
                        weight,
                        after: u64::MAX,
                        slack: u64::MAX,
                        allowance: u64::MAX,
                        reserves: true,
                    };
                    for verb in [reserve(weight), Verb::Charge { weight }, Verb::Acquire(great)] {
                        let judged = world.judge(&ask(verb)).expect("it is judged");
                        if let Some(written) = judged.writes().next().flatten() {
                            let kept = super::world::Kept { bytes: written.state().to_vec(), until: 0 };
                            world.records.insert(of.entry.to_string(), kept);
                        }
                    }
                }
            }
        }
    }
}

/// Found by fuzzing: what was as heavy as is read became heavier, and was not read any more.
#[test]
fn what_is_read_is_read_again_however_heavy_it_gets() {
    const MOST: [u8; 8] = (1_u64 << 62).to_le_bytes();
    // Where the weights stand behind the head, the times and the birth.
    for (plan, weights) in
        [(plan(&[sliding(9, 1_000_000)]), [0, 20]), (plan(&[fixed(9, 1_000_000)]), [8, 24])]
    {
        let of = part(&plan, 0);
        let of = std::slice::from_ref(&of);
        let mut world = World::new();
        world.charge(of, 1);
        let bytes = &mut world.records.values_mut().next().unwrap().bytes;
        let states = plan.head.len() + 20;
        for at in weights {
            bytes[states + at..][..8].copy_from_slice(&MOST);
        }
        for later in [0, 1, 1_000] {
            world.now += later;
            world.charge(of, u32::MAX);
            assert_eq!(world.used(of), u32::MAX);
        }
        let records = vec![world.bytes(&of[0]).map(<[u8]>::to_vec)];
        world.play(of, Verb::Restore { records, lost: false });
        assert_eq!(world.used(of), u32::MAX);
    }
}
