//! The server's windows: what is written of them and when, and bytes that are none.

use std::time::Duration;

use super::world::{BEGIN, Kept, World, now_or_never, part, plan, sliding};
use crate::feedback::{Feedback, Scope};
use crate::limits::Learning;
use crate::store::ask::{Acquire, Ask, Entry, Said, Verb, Windows};
use crate::store::window::Heard;

const SECOND: u64 = 1_000_000;
const HOUR: Duration = Duration::from_secs(3600);

/// The window of one of the routes of key `key`, and what the server says to everybody.
pub(super) fn windows(key: usize, window: &str) -> Windows {
    let learning =
        Learning { is_declared: false, remember: HOUR, server_names: true, max_pause: 2000 * 24 * HOUR };
    let entry = |key: Option<&str>, window| Entry::window(&"bucket".into(), key, window);
    let (entry, all) = (entry(Some(&key.to_string()), window), entry(None, "*"));
    Windows { entry, window: window.into(), all, weighs: 1, learning }
}

/// A call of `key` that never waits.
pub(super) fn call(key: usize, weight: u32) -> Ask {
    let part = part(&plan(&[sliding(u32::MAX, SECOND)]), key);
    let windows = Windows { weighs: weight, ..windows(key, "~a") };
    Ask::of(vec![part], now_or_never(weight)).in_windows(Some(windows))
}

pub(super) fn hear(key: usize, start: u64, weight: u32, heard: Heard) -> Ask {
    Ask::of_windows(windows(key, "~a"), Verb::Hear { start, weight, heard: Box::new(heard) })
}

pub(super) fn answer(feedback: Feedback) -> Heard {
    Heard::Answer(Some(feedback))
}

fn rejected(seconds: u64) -> Feedback {
    Feedback::default().rejected(true).retry_after(Duration::from_secs(seconds))
}

impl World {
    pub(super) fn ask(&mut self, ask: &Ask) -> Said {
        self.try_ask(ask).expect("it is judged")
    }

    /// When a call of `key` was counted that had to start.
    pub(super) fn calls(&mut self, key: usize, weight: u32) -> u64 {
        match self.ask(&call(key, weight)) {
            Said::Granted { start, .. } => start,
            said => panic!("{said:?}"),
        }
    }

    /// How long a call of `key` that is refused has to wait.
    fn holds_up(&mut self, key: usize) -> u64 {
        match self.ask(&call(key, 1)) {
            Said::Refused(refused) => refused.retry_after.expect("it is known"),
            said => panic!("{said:?}"),
        }
    }

    fn kept(&self, entry: &Entry) -> Option<Kept> {
        self.records.get(&entry.to_string()).cloned()
    }
}

/// A start may be made so much earlier than it counts: the server must not hear of it before it wants to.
#[test]
fn nobody_is_early_whose_answers_take_long() {
    let over = Feedback::default().limit(9).remaining(0).reset_after(Duration::from_secs(30));
    for news in [rejected(30), rejected(30).scope(Scope::Global), over] {
        for (slack, reserves) in [(0, true), (250_000, true), (250_000, false)] {
            let mut world = World::new();
            let start = world.calls(0, 1);
            world.ask(&hear(0, start, 1, answer(news.clone())));
            let mut far = call(0, 1);
            let allowance = u64::MAX;
            far.verb = Verb::Acquire(Acquire { weight: 1, after: 0, slack, allowance, reserves });
            match world.ask(&far) {
                Said::Granted { wait, start, .. } if reserves => {
                    assert_eq!((wait, start), (30 * SECOND, BEGIN + 30 * SECOND + slack), "{news:?}");
                }
                Said::Later { wait } if !reserves => assert_eq!(wait, 30 * SECOND, "{news:?}"),
                said => panic!("{said:?}"),
            }
        }
    }
}

#[test]
fn a_pause_ends_in_time_whatever_the_clock_showed() {
    for scope in [Scope::Global, Scope::Bucket] {
        let mut world = World::new();
        let start = world.calls(0, 1);
        world.ask(&hear(0, start, 1, answer(rejected(30).scope(scope))));
        world.now -= 365 * 86_400 * SECOND;
        for passed in 0..30 {
            assert_eq!(world.holds_up(0), (30 - passed) * SECOND, "{scope:?}");
            world.now += SECOND;
        }
        world.calls(0, 1);
    }
}

#[test]
fn what_did_not_change_is_not_written() {
    let mut world = World::new();
    let shared = windows(0, "~a").all;
    let start = world.calls(0, 2);
    assert_eq!(world.kept(&shared), None, "nothing was said to everybody");
    let mut own = world.kept(&windows(0, "~a").entry).expect("a call is on its way");
    world.ask(&hear(0, start, 1, answer(rejected(5).scope(Scope::Global))));
    let said = world.kept(&shared).expect("it is said to everybody");
    for _ in 0..3 {
        world.now += 40 * SECOND;
        let before = world.records.clone();
        let other = world.calls(1, 1);
        assert_eq!(world.kept(&windows(0, "~a").entry).as_ref(), before.get("bucket/window:~a:0"));
        world.ask(&hear(1, other, 1, answer(Feedback::default().limit(9).remaining(8))));
        world.calls(0, 1);
        let now = world.kept(&windows(0, "~a").entry).expect("it stays");
        assert_ne!(std::mem::replace(&mut own, now.clone()), now);
        assert_eq!(world.kept(&shared).as_ref(), Some(&said));
    }
    // A longer pause is news, a shorter one is none.
    world.ask(&hear(0, world.now, 1, answer(rejected(60).scope(Scope::Global))));
    let longer = world.kept(&shared).expect("it stays");
    assert_ne!(longer, said);
    world.ask(&hear(0, world.now, 1, answer(rejected(6).scope(Scope::Global))));
    assert_eq!(world.kept(&shared), Some(longer));
}

/// Of a killed process nobody hears how its calls ended.
#[test]
fn a_pause_is_kept_while_calls_are_on_their_way() {
    let mut world = World { forgets: true, ..World::new() };
    let first = world.calls(0, 1);
    world.calls(0, 1);
    world.ask(&hear(0, first, 1, answer(rejected(7200))));
    world.now += 7199 * SECOND;
    assert_eq!(world.holds_up(0), SECOND);
}

#[test]
fn nothing_is_to_be_kept_for_more_than_ten_years() {
    let mut world = World::new();
    let start = world.calls(0, 1);
    world.ask(&hear(0, start, 1, answer(rejected(50 * 365 * 86_400))));
    let kept = world.kept(&windows(0, "~a").entry).expect("it is written");
    assert_eq!(kept.until - world.now, 10 * 365 * 86_400 * SECOND);
}

/// Where the younger and the older lot of calls stand.
const LOTS: [usize; 2] = [26, 34];

fn with_lots(bytes: &[u8], lots: [u64; 2]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for (at, lot) in LOTS.into_iter().zip(lots) {
        bytes[at..at + 8].copy_from_slice(&lot.to_le_bytes());
    }
    bytes
}

#[test]
fn more_calls_than_there_can_be_are_none() {
    let mut world = World::new();
    world.calls(0, 1);
    let name = windows(0, "~a").entry.to_string();
    let bytes = world.records[&name].bytes.clone();
    assert_eq!(bytes, with_lots(&bytes, [1, 0]), "they stand there");
    let most = 1 << 62;
    for lots in [[u64::MAX, 1], [u64::MAX, 0], [0, u64::MAX], [most + 1, 0], [0, most + 1]] {
        world.records.get_mut(&name).unwrap().bytes = with_lots(&bytes, lots);
        let before = world.records.clone();
        assert!(world.try_ask(&call(0, 1)).is_err(), "{lots:?}");
        assert_eq!(world.records, before);
    }
}

#[test]
fn what_is_read_is_read_again_however_much_is_on_its_way() {
    let mut world = World::new();
    world.calls(0, 1);
    let (from, to) = (windows(0, "~a"), windows(0, "=b"));
    let bytes = world.records[&from.entry.to_string()].bytes.clone();
    let full = Kept { bytes: with_lots(&bytes, [1 << 62; 2]), until: u64::MAX };
    for entry in [&from.entry, &to.entry] {
        world.records.insert(entry.to_string(), full.clone());
    }
    for _ in 0..3 {
        world.now += 2 * SECOND;
        world.calls(0, u32::MAX);
    }
    let rename = Verb::Rename { name: "=b".into(), joins: true };
    world.ask(&Ask::of_windows(Windows { all: to.entry.clone(), ..from.clone() }, rename));
    let renamed = call(0, u32::MAX).in_windows(Some(to));
    for later in [2, 31, 31, 31, 3600] {
        world.now += later * SECOND;
        assert!(matches!(world.ask(&renamed), Said::Granted { .. }));
    }
    assert_eq!(world.ask(&call(0, 1)), Said::Renamed("=b".into()));
}

/// Times as great as there are.
#[test]
fn no_time_is_too_great() {
    let mut world = World::new();
    for now in [0, 1, BEGIN, u64::MAX / 2, u64::MAX, BEGIN, 0] {
        world.now = now;
        for start in [0, BEGIN, u64::MAX] {
            for seconds in [0, 1, u64::MAX] {
                for ask in [call(0, u32::MAX), hear(0, start, u32::MAX, answer(rejected(seconds)))] {
                    let judged = world.judge(&ask).expect("it is judged");
                    for (entry, written) in ask.entries().zip(judged.writes()) {
                        let Some(written) = written else { continue };
                        let kept = Kept { bytes: written.state().to_vec(), until: 0 };
                        world.records.insert(entry.to_string(), kept);
                    }
                }
            }
        }
    }
}
