//! What holds for whatever headers.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ratelimit_core::feedback::{Feedback, Scope};

use super::dice::Dice;
use super::{NOW, now};

/// Names that mean something, each but once, and the values that make sense for them.
const MEANT: [(&str, &[&str]); 17] = [
    ("Date", &["Tue, 14 Nov 2023 22:13:15 GMT", "Sunday, 06-Nov-94 08:49:37 GMT"]),
    ("Age", &["0", "5"]),
    ("Retry-After", &["5", "1.5", "Tue, 14 Nov 2023 22:13:30 GMT"]),
    ("Retry-After-Ms", &["1500"]),
    ("RateLimit", &["\"a\";r=5;t=6, \"b\";r=0", "limit=5, remaining=4, reset=3"]),
    ("RateLimit-Policy", &["\"a\";q=5", "\"b\";q=7;qu=\"content-bytes\""]),
    ("RateLimit-Remaining", &["5, 6"]),
    ("X-RateLimit-Limit", &["60", "60;w=1"]),
    ("X-RateLimit-Remaining", &["0", "59.5", "-1"]),
    ("X-RateLimit-Used", &["7"]),
    ("X-RateLimit-Reset", &["5", "1700000060", "1700000060250", "6m0s", "2023-11-14T22:13:25Z"]),
    ("X-RateLimit-Reset-After", &["1.25"]),
    ("X-RateLimit-Bucket", &["b"]),
    ("X-RateLimit-Scope", &["shared", "global", "user"]),
    ("X-RateLimit-Global", &["true"]),
    ("X-RateLimit-Remaining-Requests", &["9"]),
    ("X-Shopify-Shop-Api-Call-Limit", &["32/40"]),
];

type Headers = Vec<(Vec<u8>, Vec<u8>)>;

fn headers(dice: &mut Dice, chances: u64) -> Headers {
    let mut headers = Vec::new();
    for (name, values) in MEANT {
        if dice.one_in(chances) {
            headers.push((name.as_bytes().to_vec(), dice.pick(values).as_bytes().to_vec()));
        }
    }
    headers
}

fn status(dice: &mut Dice) -> u16 {
    dice.pick(&[200, 403, 420, 429, 503])
}

fn told(status: u16, headers: &Headers) -> Option<Feedback> {
    Feedback::from_headers(status, headers.iter().map(|(name, value)| (name, value)), now())
}

/// Any bytes, more often those that numbers, dates and lists are made of.
fn noise(dice: &mut Dice) -> Vec<u8> {
    let length = dice.below(24);
    (0..length)
        .map(|_| {
            if dice.one_in(8) {
                dice.next().to_le_bytes()[0]
            } else {
                dice.pick(b"0123456789.-+:,;=\"\\ TZGMTmshdrt/?@%*\t")
            }
        })
        .collect()
}

/// A value with some of its bytes changed, left out or said again.
fn bent(dice: &mut Dice, value: &[u8]) -> Vec<u8> {
    let mut value = value.to_vec();
    for _ in 0..dice.between(1, 3) {
        let at = usize::try_from(dice.below(value.len() as u64 + 1)).unwrap();
        match dice.below(4) {
            0 => value.truncate(at),
            1 => value.extend_from_within(at..),
            2 => value.splice(at..at, noise(dice)).for_each(drop),
            _ => value.iter_mut().skip(at).take(1).for_each(|byte| *byte = dice.pick(b"09.-,;\"Z \xff")),
        }
    }
    value
}

#[test]
fn no_bytes_panic_and_what_is_told_makes_sense() {
    let mut dice = Dice::new(0x4ead_e125);
    let mut found = [0; 9];
    for _ in 0..200_000 {
        let mut headers = headers(&mut dice, 4);
        for (name, value) in &mut headers {
            match dice.below(4) {
                0 => *value = noise(&mut dice),
                1 => *value = bent(&mut dice, value),
                2 => *name = bent(&mut dice, name),
                _ => {}
            }
        }
        let status = status(&mut dice);
        let wall: SystemTime = UNIX_EPOCH + Duration::from_secs(dice.pick(&[0, 1, NOW, 1 << 40]));
        let lines = || headers.iter().map(|(name, value)| (name, value));
        let Some(told) = Feedback::from_headers(status, lines(), wall) else {
            assert_ne!(status, 429);
            continue;
        };
        assert_ne!(told, Feedback::default(), "something is told");
        assert!(told.reset_after.is_some() || !told.whole_seconds);
        assert!(told.bucket.as_ref().is_none_or(|name| !name.trim().is_empty() && name.is_ascii()));
        assert!(status != 200 || !told.rejected);
        let is = [
            told.limit.is_some(),
            told.remaining.is_some(),
            told.reset_after.is_some(),
            told.retry_after.is_some(),
            told.whole_seconds,
            told.rejected,
            told.bucket.is_some(),
            told.scope == Scope::Global,
            told.scope == Scope::Shared,
        ];
        found.iter_mut().zip(is).for_each(|(found, is)| *found += u32::from(is));
    }
    assert!(found.iter().all(|found| *found > 2_500), "{found:?}");
}

#[test]
fn a_value_that_makes_no_sense_is_as_if_it_had_not_been_sent() {
    let mut dice = Dice::new(7);
    let mut mattered = 0;
    for _ in 0..50_000 {
        let mut headers = headers(&mut dice, 3);
        if headers.is_empty() {
            continue;
        }
        let at = usize::try_from(dice.below(headers.len() as u64)).unwrap();
        let status = status(&mut dice);
        let whole = told(status, &headers);
        // What is a name for any of them is none that makes no sense.
        let nonsense: &[&[u8]] = &[b"", b" \t ", b"\xff", b"5\xc3\xbc", b"\0\x80"];
        let numbers: &[&[u8]] =
            &[b"soon", b"NaN", b"1e5", b"--1", b"5..5", b"0x5", b"\"", b";", b",", b"=", b"/"];
        let is_name = headers[at].0 == b"X-RateLimit-Bucket";
        let values = if is_name || dice.one_in(2) { nonsense } else { numbers };
        headers[at].1 = dice.pick(values).to_vec();
        let bad = told(status, &headers);
        headers.remove(at);
        assert_eq!(bad, told(status, &headers), "{headers:?}");
        mattered += u32::from(whole != bad);
    }
    assert!(mattered > 5_000, "{mattered}");
}

#[test]
fn neither_order_nor_case_nor_other_headers_matter() {
    let mut dice = Dice::new(9);
    for _ in 0..50_000 {
        let mut headers = headers(&mut dice, 3);
        let status = status(&mut dice);
        let expected = told(status, &headers);
        for _ in 0..dice.below(4) {
            let name = dice.pick(&[
                "Content-Type",
                "Server",
                "X-RateLimit",
                "RateLimit-",
                "Retry",
                "X-Powered-By",
                "",
            ]);
            headers.push((name.as_bytes().to_vec(), noise(&mut dice)));
        }
        for (name, _) in &mut headers {
            for byte in name {
                *byte = if dice.one_in(2) { byte.to_ascii_uppercase() } else { byte.to_ascii_lowercase() };
            }
        }
        dice.shuffle(&mut headers);
        assert_eq!(told(status, &headers), expected, "{headers:?}");
    }
}
