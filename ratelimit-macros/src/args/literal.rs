//! Durations and rates written as text, checked while compiling.
//!
//! Reads rates exactly as the engine's `FromStr` does (a test of the package `tests` holds the two against each
//! other), in the same words where it refuses, and depends on `std` alone.

/// A literal of `max_delay`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delay {
    Nanos(u64),
    Forever,
}

/// A literal of `rate`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rate {
    pub(crate) amount: u32,
    pub(crate) nanos: u64,
    pub(crate) shape: Shape,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Sliding,
    Burst(u32),
    Fixed,
}

const UNITS: [(u64, &[&str]); 8] = [
    (1, &["ns", "nanos", "nanosecond", "nanoseconds"]),
    (1_000, &["us", "µs", "micros", "microsecond", "microseconds"]),
    (1_000_000, &["ms", "millis", "millisecond", "milliseconds"]),
    (1_000_000_000, &["s", "sec", "secs", "second", "seconds"]),
    (60_000_000_000, &["m", "min", "mins", "minute", "minutes"]),
    (3_600_000_000_000, &["h", "hr", "hrs", "hour", "hours"]),
    (86_400_000_000_000, &["d", "day", "days"]),
    (604_800_000_000_000, &["w", "week", "weeks"]),
];

const LISTED: &str = "`ns us ms s m h d w`";

/// How words start that others use for a unit, or that are slips of its words.
const MEANT: [(&str, &str); 13] = [
    ("sec", "s"),
    ("sek", "s"),
    ("mil", "ms"),
    ("mse", "ms"),
    ("min", "m"),
    ("mic", "us"),
    ("use", "us"),
    ("nan", "ns"),
    ("nse", "ns"),
    ("hou", "h"),
    ("day", "d"),
    ("wee", "w"),
    ("wk", "w"),
];

/// Reads `500ms`, `1m30s`, `0`, `forever`.
pub(crate) fn delay(text: &str) -> Result<Delay, String> {
    match text {
        "" => return Err("`max_delay` is empty; write a duration such as `\"500ms\"`".to_owned()),
        "forever" => return Ok(Delay::Forever),
        "0" => return Ok(Delay::Nanos(0)),
        "never" | "none" | "no" | "inf" | "infinite" | "infinity" | "unlimited" | "max" => {
            return Err(format!(
                "`{text}` could mean two things; write `\"0s\"` (never wait) or `\"forever\"` (wait however long)"
            ));
        }
        _ if text.to_lowercase().starts_with("for") => {
            return Err(format!("invalid duration `{text}`: no number; did you mean `forever`?"));
        }
        _ => {}
    }
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(format!("invalid duration `{text}`: no unit; write `\"{text}ms\"` or `\"{text}s\"`"));
    }
    nanos(text).map(Delay::Nanos).map_err(|problem| format!("invalid duration `{text}`: {problem}"))
}

/// The sum of its parts, each of a smaller unit than the one before.
fn nanos(text: &str) -> Result<u64, String> {
    if text.contains(char::is_whitespace) {
        return Err("white space; write it without, as in `500ms` or `1m30s`".to_owned());
    }
    if text.starts_with(['-', '+']) {
        return Err("a sign; a delay is never negative, remove it".to_owned());
    }
    let mut rest = text;
    let mut sum: u64 = 0;
    let mut smallest = u64::MAX;
    while !rest.is_empty() {
        let (count, after) = rest.split_at(digits(rest));
        if count.is_empty() {
            return Err(format!("no number before `{after}`; write it as in `500ms`"));
        }
        if after.starts_with('.') {
            return Err("a fraction; write a whole count of a smaller unit, as in `1s500ms`".to_owned());
        }
        if after.starts_with(|c: char| !c.is_alphabetic()) {
            return Err(stray(after));
        }
        let (unit, after) = after.split_at(letters(after));
        let length = unit_length(unit).ok_or_else(|| unknown_unit(rest, unit))?;
        if length >= smallest {
            return Err(format!(
                "`{unit}` after a unit that is not longer; write the longer first, as in `1m30s`"
            ));
        }
        let part = count.parse::<u64>().ok().and_then(|count| count.checked_mul(length));
        sum = part
            .and_then(|part| sum.checked_add(part))
            .ok_or("longer than 584 years; write `forever` to wait however long")?;
        smallest = length;
        rest = after;
    }
    Ok(sum)
}

/// Reads `10/s`, `5/2s`, `500/hour`, `1/s burst 5`, `60/m fixed`.
pub(crate) fn rate(text: &str) -> Result<Rate, String> {
    parts(text).map_err(|problem| format!("invalid rate `{text}`: {problem}"))
}

fn parts(text: &str) -> Result<Rate, String> {
    if text.trim().split_once('/').is_some_and(|(amount, time)| {
        amount.ends_with(char::is_whitespace) || time.starts_with(char::is_whitespace)
    }) {
        return Err("white space around `/`; write it without, as in `10/s`".to_owned());
    }
    if is_several(text) {
        return Err("several rates; write one, or give all to a `static` bucket by `.and(..)`".to_owned());
    }
    let mut words = text.split_whitespace();
    let Some(rate) = words.next() else {
        return Err("it is empty; write weight per time, as in `10/s`".to_owned());
    };
    let Some((amount, time)) = rate.split_once('/') else {
        return Err("no time; write weight per time, as in `10/s` or `100/15m`".to_owned());
    };
    let amount = positive("amount", amount)?;
    if time.len() == digits(time)
        && let Some(unit) = words.clone().next()
        && unit_length(unit).is_some()
    {
        return Err(format!("white space in the time; write it without, as in `{rate}{unit}`"));
    }
    let nanos = span(time)?;
    let shape = match (words.next(), words.next()) {
        (None, _) => Shape::Sliding,
        (Some("fixed"), None) => Shape::Fixed,
        (Some("burst"), None) => return Err("no burst; write it as in `1/s burst 5`".to_owned()),
        (Some("burst"), Some(burst)) => Shape::Burst(positive("burst", burst)?),
        (Some("fixed"), Some(word)) => return Err(format!("`{word}` after `fixed`; remove it")),
        (Some(word), _) => return Err(unknown_word(word)),
    };
    match words.next() {
        Some(word) => Err(format!("`{word}` is too much; write it as in `1/s burst 5`")),
        None => Ok(Rate { amount, nanos, shape }),
    }
}

fn positive(what: &str, text: &str) -> Result<u32, String> {
    if text.is_empty() {
        return Err(format!("no {what}; write weight per time, as in `10/s`"));
    }
    if text.len() != digits(text) {
        let hint = if what == "amount" && text.contains('.') {
            "give it a longer time, as in `1/2s` for half a call a second"
        } else {
            "write digits only, as in `10/s`"
        };
        return Err(format!("the {what} `{text}` is not a whole number; {hint}"));
    }
    match text.parse::<u32>() {
        Ok(0) => Err(format!("the {what} must be at least 1")),
        Ok(amount) => Ok(amount),
        Err(_) => Err(format!("the {what} `{text}` is too large; the most is {}", u32::MAX)),
    }
}

/// A count, 1 where it is left out, of one unit.
fn span(text: &str) -> Result<u64, String> {
    let (count, unit) = text.split_at(digits(text));
    let length = match unit_length(unit) {
        Some(length) => length,
        None if text.is_empty() => return Err("no time; write weight per time, as in `10/s`".to_owned()),
        None => return Err(unknown_unit(text, unit)),
    };
    let count = if count.is_empty() { Some(1) } else { count.parse::<u64>().ok() };
    match count.and_then(|count| count.checked_mul(length)) {
        Some(0) => Err(format!("the time `{text}` must not be zero")),
        Some(nanos) => Ok(nanos),
        None => Err(format!("the time `{text}` is too long; the most is 584 years")),
    }
}

fn digits(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}

fn letters(text: &str) -> usize {
    text.find(|c: char| !c.is_alphabetic()).unwrap_or(text.len())
}

fn unit_length(name: &str) -> Option<u64> {
    UNITS.iter().find(|(_, names)| names.contains(&name)).map(|(length, _)| *length)
}

/// Whether more than one word looks like a rate, whatever stands between them.
fn is_several(text: &str) -> bool {
    let parts = text.split(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | '+' | '&' | '|'));
    let is_rate = |part: &&str| {
        part.split_once('/').is_some_and(|(amount, time)| digits(amount) > 0 && !time.is_empty())
    };
    parts.filter(is_rate).count() > 1
}

fn unknown_word(word: &str) -> String {
    let hint = match word {
        _ if word.len() != letters(word) => "write it as in `1/s burst 5`",
        _ if word.starts_with("bu") => "did you mean `burst`?",
        _ if word.starts_with("fi") => "did you mean `fixed`?",
        _ => "write it as in `1/s burst 5`",
    };
    format!("`{word}` is neither `burst` nor `fixed`; {hint}")
}

fn unknown_unit(text: &str, unit: &str) -> String {
    let lower = unit.to_lowercase();
    match lower.as_str() {
        "" => format!("the time `{text}` has no unit; write one of {LISTED}, as in `{text}s`"),
        "mo" | "mon" | "month" | "months" => "months differ in length; write days, as in `30d`".to_owned(),
        "y" | "yr" | "year" | "years" => "years differ in length; write days, as in `365d`".to_owned(),
        _ if unit.starts_with('.') => {
            format!("the time `{text}` is not a whole count; write it in a smaller unit, as in `1500ms`")
        }
        _ if unit.len() != letters(unit) => stray(unit),
        _ if unit_length(&lower).is_some() => {
            format!("`{unit}` is no unit of time; write it in lower case, `{lower}`")
        }
        _ => match MEANT.iter().find(|(start, _)| lower.starts_with(start)) {
            Some((_, meant)) => format!("`{unit}` is no unit of time; did you mean `{meant}`?"),
            None => format!("`{unit}` is no unit of time; write one of {LISTED}"),
        },
    }
}

/// What stands where a unit should, or behind it, and is no letter.
fn stray(text: &str) -> String {
    let (unit, rest) = text.split_at(letters(text));
    match (unit, rest.chars().next()) {
        ("", Some('_')) => "`_` in a number; write digits only".to_owned(),
        ("", Some(',')) => {
            "`,` in a number; write digits only, a fraction in a smaller unit, as in `1500ms`".to_owned()
        }
        ("", Some('-' | '+')) => "a sign; a time is never negative, remove it".to_owned(),
        (unit, Some('0'..='9')) if unit_length(unit).is_some() => {
            "more than one unit; write the time in one, as in `90s`".to_owned()
        }
        (unit, _) if unit_length(unit).is_some() && !rest.contains(char::is_alphanumeric) => {
            format!("`{rest}` behind the unit; remove it")
        }
        _ => format!("`{text}` is no unit of time; write one of {LISTED}"),
    }
}

#[cfg(test)]
mod tests {
    use super::{Delay, Rate, Shape, delay, rate};

    #[test]
    fn reads_durations() {
        for (text, nanos) in [
            ("0", 0),
            ("0s", 0),
            ("1ns", 1),
            ("500ms", 500_000_000),
            ("3us", 3_000),
            ("3µs", 3_000),
            ("1m30s", 90_000_000_000),
            ("1w1d1h1m1s1ms1us1ns", 694_861_001_001_001),
            ("2hours5minutes", 7_500_000_000_000),
            ("18446744073709551615ns", u64::MAX),
        ] {
            assert_eq!(delay(text), Ok(Delay::Nanos(nanos)), "{text}");
        }
        assert_eq!(delay("forever"), Ok(Delay::Forever));
    }

    #[test]
    fn says_what_is_wrong_with_a_duration() {
        for (text, part) in [
            ("", "is empty"),
            ("500", "write `\"500ms\"` or `\"500s\"`"),
            ("500 ms", "white space"),
            (" 5s", "white space"),
            ("ms", "no number before `ms`"),
            ("1sms", "is no unit"),
            ("1s-5ms", "no number before `-5ms`"),
            ("1s5", "the time `5` has no unit"),
            ("5x", "`x` is no unit"),
            ("1.5s", "a fraction"),
            ("-1s", "a sign"),
            ("+1s", "a sign"),
            ("1s1m", "`m` after a unit"),
            ("1s1s", "`s` after a unit"),
            ("1month", "write days"),
            ("99999999999999999999s", "longer than 584 years"),
            ("18446744073709551616ns", "longer than 584 years"),
            ("584y", "write days"),
            ("18446744073s1000ms", "longer than 584 years"),
            ("never", "two things"),
            ("unlimited", "two things"),
            ("Forever", "no number; did you mean `forever`?"),
            ("forver", "no number; did you mean `forever`?"),
            ("5S", "`S` is no unit of time; write it in lower case, `s`"),
            ("500MS", "`MS` is no unit of time; write it in lower case, `ms`"),
            ("1_000ms", "`_` in a number; write digits only"),
            ("1,5s", "`,` in a number; write digits only, a fraction in a smaller unit, as in `1500ms`"),
            ("5-s", "a sign"),
            ("5/s", "`/s` is no unit"),
            ("5sek", "did you mean `s`?"),
            ("5msecs", "did you mean `ms`?"),
            ("5minuts", "did you mean `m`?"),
        ] {
            let message = delay(text).expect_err(text);
            assert!(message.contains(part), "{text}: {message}");
        }
    }

    #[test]
    fn reads_rates() {
        let second = 1_000_000_000;
        for (text, amount, nanos, shape) in [
            ("10/s", 10, second, Shape::Sliding),
            ("5/2s", 5, 2 * second, Shape::Sliding),
            ("500/hour", 500, 3600 * second, Shape::Sliding),
            ("100/15m", 100, 900 * second, Shape::Sliding),
            ("1/s burst 5", 1, second, Shape::Burst(5)),
            (" 1/s  burst  5 ", 1, second, Shape::Burst(5)),
            ("60/m fixed", 60, 60 * second, Shape::Fixed),
            ("4294967295/18446744073709551615ns", u32::MAX, u64::MAX, Shape::Sliding),
        ] {
            assert_eq!(rate(text), Ok(Rate { amount, nanos, shape }), "{text}");
        }
    }

    #[test]
    fn says_what_is_wrong_with_a_rate() {
        for (text, part) in [
            ("", "is empty"),
            ("10", "no time"),
            ("10/", "no time"),
            ("/s", "no amount"),
            ("0/s", "the amount must be at least 1"),
            ("10/0s", "the time `0s` must not be zero"),
            ("-1/s", "`-1` is not a whole number"),
            ("0.5/s", "`0.5` is not a whole number"),
            ("1e9/s", "`1e9` is not a whole number"),
            ("10/-1s", "a sign; a time is never negative, remove it"),
            ("10/1.5s", "not a whole count"),
            ("10 / s", "white space around `/`"),
            ("0.5/s", "give it a longer time"),
            ("5/month", "write days"),
            ("5/year", "write days"),
            ("5/10", "the time `10` has no unit"),
            ("5/parsec", "`parsec` is no unit"),
            ("4294967296/s", "too large"),
            ("1/99999999999999999999s", "too long"),
            ("1/999999999999w", "too long"),
            ("1/s burst 0", "the burst must be at least 1"),
            ("1/s burst", "no burst"),
            ("1/s bust 5", "`bust` is neither `burst` nor `fixed`; did you mean `burst`?"),
            ("1/s burst=5", "`burst=5` is neither `burst` nor `fixed`; write it as in `1/s burst 5`"),
            ("1/s fix", "did you mean `fixed`?"),
            ("1/s 5", "`5` is neither `burst` nor `fixed`; write it as in `1/s burst 5`"),
            ("10/S", "`S` is no unit of time; write it in lower case, `s`"),
            ("10/M", "write it in lower case, `m`"),
            ("10/sek", "did you mean `s`?"),
            ("10/1 s", "white space in the time; write it without, as in `10/1s`"),
            ("10/1_000ms", "`_` in a number"),
            ("10/1,5s", "`,` in a number"),
            ("10/1m30s", "more than one unit; write the time in one, as in `90s`"),
            ("10/s/s", "`s/s` is no unit of time; write one of"),
            ("10/s,", "`,` behind the unit; remove it"),
            ("10/s,5/m", "several rates; write one, or give all to a `static` bucket by `.and(..)`"),
            ("10/s, 100/m", "several rates"),
            ("10/s burst 5, 100/m", "several rates"),
            ("10/s 100/m", "several rates"),
            ("1/s fixed burst", "after `fixed`"),
            ("1/s burst 5 fixed", "too much"),
            ("10 s", "no time"),
        ] {
            let message = rate(text).expect_err(text);
            assert!(message.contains(part), "{text}: {message}");
            assert!(message.starts_with(&format!("invalid rate `{text}`: ")), "{message}");
        }
    }
}
