//! Odd and long names: each is one of its own.

use super::Promise;
use super::lab::{Bucket, Found, Lab, ask, ensure, hourly};
use crate::store::ask::{Part, Said, Verb};

/// What somebody's table, collation, hash tag or length takes for the same, or for something else.
const KEYS: [&str; 34] = [
    "",
    " ",
    "  ",
    "a",
    "A",
    "a ",
    " a",
    "a\0",
    "a\0b",
    "\0",
    "a\n",
    "a\r\n",
    "\t",
    "{",
    "}",
    "{}",
    "{a}",
    "}{",
    "a:b",
    "a/b",
    ":",
    "/total",
    "%",
    "%s",
    "%3A",
    "'",
    "\"",
    "\\",
    "*",
    "?",
    "é",
    "e\u{301}",
    "ä",
    "\u{10ffff}",
];

pub(super) fn odd_and_long(lab: &Lab<'_>) -> Found {
    let limit = hourly(1);
    let (one, long) = (lab.bucket(), "x".repeat(10_000));
    let mut parts: Vec<Part> = KEYS.iter().map(|key| one.key(key, &limit)).collect();
    parts.extend([one.unkeyed(&limit), one.total(&limit)]);
    parts.extend([one.key(&long, &limit), one.key(&format!("{long}y"), &limit)]);
    // A bucket whose name looks like another's key.
    for mark in [":a", "/total", "{a}", "%", " "] {
        let looks_alike = Bucket::named(&format!("{}{mark}", one.name()));
        parts.extend([looks_alike.unkeyed(&limit), looks_alike.key("a", &limit)]);
    }
    let asks: Vec<_> =
        (1..).zip(&parts).map(|(weight, part)| ask(&[part], Verb::Charge { weight })).collect();
    lab.handle().all(&asks)?;
    let looks: Vec<_> = parts.iter().map(|part| ask(&[part], Verb::Peek { weight: 1 })).collect();
    for ((taken, part), said) in (1..).zip(&parts).zip(lab.handle().all(&looks)?) {
        let used: u32 = match &said {
            Said::Outlook(seen) => seen.iter().flat_map(|seen| &seen.rates).map(|rate| rate.used).sum(),
            _ => 0,
        };
        ensure(used == taken, Promise::AsJudged, || {
            let name = part.entry.to_string();
            let begin: String = name.chars().take(80).collect();
            format!("{taken} was taken of the entry {begin:?} of {} bytes, and {used} is used", name.len())
        })?;
    }
    Ok(())
}
