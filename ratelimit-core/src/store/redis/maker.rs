//! Makes scripts of the parts of `acquire.lua`, one for each list of kinds of rates.
//!
//! Amounts and spans are told with each ask: there are few kinds, but as many limits as a program likes, and some servers
//! keep each script that they have ever played.

use std::collections::HashMap;

use super::numbers::{GRANTED, LATER, LOST, REFUSED, TIMES_END};
use crate::policy::sliding_window::MOST;
use crate::policy::{Guarded, saved};
use crate::rate::Shape;
use crate::store::ask::Plan;
use crate::store::record::{AHEAD, BEFORE_STATES, KEEP, LONGEST, UNIT};

/// How many bytes of a ring are read at a time.
const CHUNK: u64 = 128;
/// Of what an ask is told beside its entries: weight, what holds it up, slack, allowance, whether it reserves, how often it
/// comes.
const OF_ASK: usize = 6;
/// What a function of Lua's has room for, less what is beside states and what is told: 200 locals, 250 with what is being
/// read or written.
const ROOM: usize = 172;

/// The parts of a text, by their names.
pub(super) struct Parts<'a>(HashMap<&'a str, String>);

impl<'a> Parts<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        let parts = text.split("--: ").skip(1).filter_map(|part| part.split_once('\n'));
        let is_code = |line: &&str| !line.starts_with("--") && !line.is_empty();
        let code =
            |part: &str| part.lines().map(str::trim).filter(is_code).flat_map(|line| [line, "\n"]).collect();
        Parts(parts.map(|(name, part)| (name, code(part))).collect())
    }

    fn get(&self, name: &str) -> &str {
        debug_assert!(self.0.contains_key(name), "acquire.lua has a part {name}");
        self.0.get(name).map_or("", String::as_str)
    }
}

/// One of the records.
struct Entry<'a> {
    letter: char,
    plan: &'a Plan,
    /// How many bytes of it there are before its rings.
    size: usize,
}

fn kind(shape: Shape) -> &'static str {
    match shape {
        Shape::Sliding => "sliding",
        Shape::Burst(_) => "tokens",
        Shape::Fixed => "fixed",
    }
}

/// The state of a rate: its names, and the format of each.
fn state(shape: Shape) -> &'static [(&'static str, &'static str)] {
    match shape {
        Shape::Burst(_) => &[("whole", "I8"), ("part", "I4")],
        Shape::Fixed => &[("since", "I8"), ("opening", "I8"), ("last", "I8"), ("used", "I8")],
        Shape::Sliding => &[
            ("logged", "I8"),
            ("entries", "I4"),
            ("newest", "I8"),
            ("weight", "I8"),
            ("oldest", "I8"),
            ("slots", "I4"),
            ("first", "I4"),
            ("used", "I4"),
        ],
    }
}

/// What is told of a rate with each ask, as `redis/numbers.rs` does.
fn told(shape: Shape) -> &'static [&'static str] {
    match shape {
        Shape::Burst(_) => &["before", "before_part", "taken", "taken_part", "ticks", "guard"],
        Shape::Fixed | Shape::Sliding => &["amount", "window"],
    }
}

/// The script for asks of one entry or two; `None` where the limits are not the common case.
pub(super) fn made(parts: &Parts<'_>, plans: &[&Plan]) -> Option<String> {
    let size = |plan: &Plan| {
        let states: usize = plan.counted.iter().map(|guarded| saved::state_bytes(guarded.rate)).sum();
        plan.head.len() + BEFORE_STATES + states
    };
    let entries: Vec<Entry<'_>> =
        plans.iter().zip(['k', 't']).map(|(plan, letter)| Entry { letter, plan, size: size(plan) }).collect();
    let (first, total) = (entries.first()?, entries.get(1));
    let shapes = || plans.iter().flat_map(|plan| &plan.counted).map(|guarded| guarded.rate.shape());
    let told: usize = shapes().map(|shape| told(shape).len()).sum();
    let states: usize = shapes().map(|shape| state(shape).len()).sum();
    let is_common = plans.len() == entries.len() && plans.iter().all(|plan| plan.own.is_none());
    if !is_common || states + told + states.max(told) > ROOM {
        return None;
    }
    let mut script = Making { parts, entries: &entries, text: String::new() };
    script.add("begin");
    if entries.iter().any(|entry| entry.rings() > 0) {
        script.add("functions of rings");
    }
    script.add_each("open", false);
    script.add("asks");
    script.add_write(first);
    script.add("next");
    script.add_of("read", first, true);
    script.add("first");
    if let Some(total) = total {
        script.add_of("read", total, true);
    }
    script.add("ask");
    script.add_each("look", false);
    script.add("verdict");
    if total.is_some() {
        script.add("verdict of total");
    }
    script.add_each("lost", false);
    script.add("answer");
    script.add_each("take", true);
    script.add("taken");
    script.add_each("undo", false);
    script.add("not taken");
    script.add_each("keep", false);
    script.add("told");
    if let Some(total) = total {
        script.add_write(total);
    }
    script.add("end");
    Some(script.text)
}

/// A script as far as it is made.
struct Making<'a> {
    parts: &'a Parts<'a>,
    entries: &'a [Entry<'a>],
    text: String,
}

impl Making<'_> {
    /// A part that there is once.
    fn add(&mut self, name: &str) {
        let born = |letter| format!("code == {GRANTED} and {letter}_born or 0");
        let has_total = self.entries.len() > 1;
        let (other, is_shared) = if has_total { (born('t'), "t_at == at") } else { ("0".to_owned(), "true") };
        let filled = filled(self.parts.get(name), |mark, name| match (mark, name) {
            ('@', "TOLD") => Some(self.entries.iter().map(Entry::told).collect()),
            ('@', "TOLD_FORMAT") => {
                let formats: String = self.entries.iter().map(Entry::told_format).collect();
                Some("<".to_owned() + &"d".repeat(OF_ASK) + &formats)
            }
            ('@', "PARTS") => Some(self.entries.len().to_string()),
            ('@', "IS_SHARED") => Some(is_shared.to_owned()),
            ('@', "BORNS") => Some(format!("{}, {other}", born('k'))),
            _ => constant(name),
        });
        self.text.push_str(&filled);
    }

    /// A part of each record.
    fn add_each(&mut self, name: &str, is_scoped: bool) {
        for entry in self.entries {
            self.add_of(name, entry, is_scoped);
        }
    }

    /// A part of a record, and those of its rates, each of which may have names of its own.
    fn add_of(&mut self, name: &str, entry: &Entry<'_>, is_scoped: bool) {
        // What a record's part names is for those of its rates; but for what is read nobody needs it afterwards.
        let is_read = name == "read";
        self.text.push_str(if is_read { "do\n" } else { "" });
        self.text.push_str(&filled(self.parts.get(name), |mark, name| entry.name(mark, name)));
        for (number, guarded) in entry.rates() {
            let part = format!("{name} {}", kind(guarded.rate.shape()));
            let Some(part) = self.parts.0.get(&*part) else { continue };
            let of_rate = |mark, name: &str| match mark {
                '$' => entry.name_of_rate(number, name),
                _ => entry.name(mark, name),
            };
            let part = filled(part, of_rate);
            let part = if is_scoped { format!("do\n{part}end\n") } else { part };
            self.text.push_str(&part);
        }
        self.text.push_str(if is_read { "end\n" } else { "" });
    }

    fn add_write(&mut self, entry: &Entry<'_>) {
        self.add_of("write", entry, false);
        self.add_of(if entry.rings() > 0 { "write with rings" } else { "write whole" }, entry, false);
    }
}

impl Entry<'_> {
    fn rates(&self) -> impl Iterator<Item = (usize, &Guarded)> {
        self.plan.counted.iter().enumerate().map(|(index, guarded)| (index + 1, guarded))
    }

    fn rings(&self) -> usize {
        self.rates().filter(|(_, guarded)| guarded.rate.shape() == Shape::Sliding).count()
    }

    fn states(&self) -> impl Iterator<Item = (usize, &'static str, &'static str)> {
        self.rates().flat_map(|(number, guarded)| {
            state(guarded.rate.shape()).iter().map(move |(name, format)| (number, *name, *format))
        })
    }

    /// The names of what an ask is told of it: what its records begin with, what is known of it, and of its rates.
    fn told(&self) -> String {
        let letter = self.letter;
        let of_rate = |(number, guarded): (usize, &Guarded)| {
            told(guarded.rate.shape()).iter().map(move |name| format!(", {letter}{number}_{name}"))
        };
        let of_rates: String = self.rates().flat_map(of_rate).collect();
        format!(", {letter}_head, {letter}_known, {letter}_known_born{of_rates}")
    }

    fn told_format(&self) -> String {
        let of_rates: usize = self.rates().map(|(_, guarded)| told(guarded.rate.shape()).len()).sum();
        format!("c{}{}", self.plan.head.len(), "d".repeat(2 + of_rates))
    }

    /// How many slots there are before the ring of that rate.
    fn slots_before(&self, number: usize) -> String {
        let before = self.rates().filter(|(other, _)| *other < number);
        let of_rings = before.filter(|(_, guarded)| guarded.rate.shape() == Shape::Sliding);
        let slots: Vec<_> = of_rings.map(|(number, _)| format!("{}{number}_slots", self.letter)).collect();
        slots.join(" + ")
    }

    fn name(&self, mark: char, name: &str) -> Option<String> {
        let letter = self.letter;
        if mark == '$' {
            return constant(name);
        }
        if name.starts_with(|first: char| first.is_ascii_lowercase()) {
            return Some(format!("{letter}_{name}"));
        }
        let states = || self.states().map(|(number, name, _)| format!("{letter}{number}_{name}"));
        let all = [
            ["written", "newest", "born", "until"].map(|name| format!("{letter}_{name}")).to_vec(),
            states().collect(),
        ];
        let size = self.size;
        Some(match name {
            "FIRST" => if letter == 'k' { "nil" } else { "KEYS[2]" }.to_owned(),
            // There may be none.
            "STATES" => std::iter::once("_".to_owned()).chain(states()).collect::<Vec<_>>().join(", "),
            "ALL" => all.concat().join(", "),
            "ZEROS" => ", 0".repeat(self.states().count()),
            "SIZE" => size.to_string(),
            "GET" if self.rings() > 0 => format!("'GETRANGE', {letter}_key, '0', '{}'", size - 1),
            "GET" => format!("'GET', {letter}_key"),
            "FORMAT" => {
                let of_states: String = self.states().map(|(_, _, format)| format).collect();
                format!("<c{}I8I8I4I4{of_states}", self.plan.head.len())
            }
            "RINGS" if self.rings() == 0 => "false".to_owned(),
            "RINGS" => format!("{{ {} }}", vec!["false, 0, 0, 0"; self.rings()].join(", ")),
            "SLOTS" => self.slots_before(usize::MAX),
            _ => return None,
        })
    }

    fn name_of_rate(&self, number: usize, name: &str) -> Option<String> {
        let letter = self.letter;
        if name.starts_with(|first: char| first.is_ascii_lowercase()) {
            return Some(format!("{letter}{number}_{name}"));
        }
        let before = self.slots_before(number);
        match name {
            "INDEX" => Some(number.to_string()),
            "RING" => Some((before.split_terminator('+').count() + 1).to_string()),
            "BASE" if before.is_empty() => Some(self.size.to_string()),
            "BASE" => Some(format!("({} + 8 * ({before}))", self.size)),
            _ => constant(name),
        }
    }
}

/// Numbers that are the engine's.
fn constant(name: &str) -> Option<String> {
    let number = match name {
        "GRANTED" => GRANTED.into(),
        "LATER" => LATER.into(),
        "REFUSED" => REFUSED.into(),
        "LOST" => LOST.into(),
        "LIMIT" => TIMES_END,
        "MOST" => MOST as u64,
        "SPARE" => saved::SPARE.into(),
        "CHUNK" => CHUNK,
        "KEEP" => KEEP,
        "LOTS" => saved::LOTS,
        "LONGEST" => LONGEST - UNIT,
        // What ends later may end too late to be told.
        "LATEST" => TIMES_END - 2 * LONGEST,
        "UNIT" => UNIT,
        "AHEAD" => AHEAD,
        _ => return None,
    };
    Some(number.to_string())
}

/// The text with what the names in it stand for that are marked by `$` or `@`; one that stands for nothing stays.
fn filled(text: &str, stands_for: impl Fn(char, &str) -> Option<String>) -> String {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['$', '@']) {
        let (before, marked) = rest.split_at(at);
        filled.push_str(before);
        let mut letters = marked.chars();
        let Some(mark) = letters.next() else { break };
        let marked = letters.as_str();
        let end = marked.find(|letter: char| !letter.is_ascii_alphabetic() && letter != '_');
        let (name, behind) = marked.split_at(end.unwrap_or(marked.len()));
        match stands_for(mark, name) {
            Some(meaning) => filled.push_str(&meaning),
            None => filled.extend([mark.to_string().as_str(), name]),
        }
        rest = behind;
    }
    filled + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rate::Rate;

    #[test]
    fn every_name_stands_for_something() {
        let minute = Rate::per_minute(20);
        let guarded =
            [minute, minute.fixed(), minute.burst(20)].map(|rate| Guarded { rate, guard: 1_000_000 });
        let (plan, none) = (Plan::new(0, &guarded, None), Plan::new(0, &[], None));
        let parts = Parts::of(include_str!("acquire.lua"));
        for plans in [vec![&plan], vec![&none], vec![&plan, &plan], vec![&none, &plan]] {
            let text = made(&parts, &plans).expect("the common case");
            let unknown: Vec<_> = text.lines().filter(|line| line.contains(['$', '@'])).collect();
            assert!(unknown.is_empty(), "{unknown:#?}");
        }
        for (name, part) in &parts.0 {
            assert!(!part.is_empty(), "{name}");
        }
    }

    #[test]
    fn names_are_filled_in_whole() {
        let meaning = |mark, name: &str| (name != "NONE").then(|| format!("{mark}{}", name.len()));
        assert_eq!(filled("a[$READ_FROM]+a[@READ] $NONE $", meaning), "a[$9]+a[@4] $NONE $0");
    }
}
