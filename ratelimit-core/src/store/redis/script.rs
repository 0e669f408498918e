//! The scripts that servers play, and what the names in them stand for.

use std::sync::LazyLock;

use super::numbers::{FIRST_ENTRY, GRANTED, LATER, LOST, PARTS, REFUSED, TIMES, TIMES_END, kind};
use crate::policy::saved::SPARE;
use crate::policy::sliding_window::MOST;
use crate::rate::Shape;
use crate::store::record::{KEEP, LONGEST};

/// How many bytes of a ring are read at a time.
const CHUNK: u64 = 128;

/// The places of what `acquire.lua` knows of a record: whose it is and what it looks like; its states, and those it is to
/// have; its rings, and how long it is with them; for how long it is kept, and which slots are pushed.
const RECORD: [&str; 11] =
    ["KEY", "FORMAT", "IS_NEW", "STATES", "NEXT", "RINGS", "SIZE", "KEPT", "NEXT_KEPT", "PUSHED", "PUSHES"];

/// The places of what a record begins with, and of what its rates' states do.
const STATES: [&str; 5] = ["HEAD", "WRITTEN", "LAST", "BORN", "RATES"];

/// The places of what it knows of a log's ring: what was read last, from where on, and where the ring begins.
const RING: [&str; 3] = ["READ", "READ_FROM", "BASE"];

/// Those of a log's state, behind its first number.
const LOG: [&str; 7] = ["ENTRIES", "NEWEST", "WEIGHT", "OLDEST", "SLOTS", "FIRST", "USED"];

/// A script, and its hash by which the server knows it.
#[derive(Debug)]
pub(super) struct Script {
    pub(super) text: String,
    pub(super) hash: String,
}

impl Script {
    fn new(text: &str) -> Self {
        let text = filled(text);
        Script { hash: redis::Script::new(&text).get_hash().to_owned(), text }
    }
}

/// The scripts of a store.
#[derive(Debug)]
pub(super) struct Scripts {
    pub(super) acquire: Script,
    pub(super) read: Script,
    pub(super) swap: Script,
}

impl Scripts {
    pub(super) fn new(acquire: &str, read: &str, swap: &str) -> Self {
        Scripts { acquire: Script::new(acquire), read: Script::new(read), swap: Script::new(swap) }
    }
}

pub(super) static SCRIPTS: LazyLock<Scripts> = LazyLock::new(|| {
    Scripts::new(include_str!("acquire.lua"), include_str!("read.lua"), include_str!("swap.lua"))
});

/// The text with what its `$NAME`s stand for; one that stands for nothing stays.
fn filled(text: &str) -> String {
    let mut parts = text.split('$');
    let mut filled = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|letter: char| !letter.is_ascii_uppercase() && letter != '_');
        let (name, rest) = part.split_at(end.unwrap_or(part.len()));
        match number(name) {
            Some(number) => filled.push_str(&number.to_string()),
            None => filled.extend(["$", name]),
        }
        filled.push_str(rest);
    }
    filled
}

fn number(name: &str) -> Option<u64> {
    let place = |names: &[&str]| names.iter().position(|other| *other == name).map(|index| index as u64 + 1);
    [&RECORD[..], &STATES, &RING, &LOG].into_iter().find_map(place).or_else(|| {
        Some(match name {
            "GRANTED" => GRANTED.into(),
            "LATER" => LATER.into(),
            "REFUSED" => REFUSED.into(),
            "LOST" => LOST.into(),
            "TIMES" => TIMES,
            "PARTS" => PARTS,
            "FIRST_ENTRY" => FIRST_ENTRY,
            "SLIDING" => kind(Shape::Sliding).unsigned_abs(),
            "TOKENS" => kind(Shape::Burst(1)).unsigned_abs(),
            "LIMIT" => TIMES_END,
            "MOST" => MOST as u64,
            "SPARE" => SPARE.into(),
            "CHUNK" => CHUNK,
            "KEEP" => KEEP,
            "LONGEST" => LONGEST,
            _ => return None,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_stands_for_something() {
        let Scripts { acquire, read, swap } = &*SCRIPTS;
        for script in [acquire, read, swap] {
            let code = script.text.lines().filter(|line| !line.trim_start().starts_with("--"));
            let unknown: Vec<_> = code.filter(|line| line.contains('$')).collect();
            assert!(unknown.is_empty(), "{unknown:#?}");
        }
    }

    #[test]
    fn names_are_filled_in_whole() {
        assert_eq!(filled("a[$READ_FROM]+a[$READ] $NONE $"), "a[2]+a[1] $NONE $");
    }
}
