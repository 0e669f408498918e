//! Rates as text: `<amount>/[<count>]<unit>[ burst <amount>| fixed]`.

use std::str::FromStr;

use super::{Rate, Shape};
use crate::error::Error;

/// Units by length; the first name of each is the one that is printed.
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

/// `nanos` as a whole count of the largest unit that divides it.
pub(super) fn largest_unit(nanos: u64) -> (u64, &'static str) {
    for (length, names) in UNITS.iter().rev() {
        if nanos.is_multiple_of(*length) {
            return (nanos / length, names.first().copied().unwrap_or("ns"));
        }
    }
    (nanos, "ns")
}

/// Reads `10/s`, `5/2s`, `500/hour`, `100/15m`, `1/s burst 5`, `60/m fixed`.
///
/// Units are `ns us ms s m h d w` and their words.
impl FromStr for Rate {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        parse(text).map_err(|problem| Error::config(format!("invalid rate `{text}`: {problem}")))
    }
}

fn parse(text: &str) -> Result<Rate, String> {
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
    let Some((amount, span)) = rate.split_once('/') else {
        return Err("no time; write weight per time, as in `10/s` or `100/15m`".to_owned());
    };
    let amount = parse_amount("amount", amount)?;
    if span.len() == digits(span)
        && let Some(unit) = words.clone().next()
        && unit_length(unit).is_some()
    {
        return Err(format!("white space in the time; write it without, as in `{rate}{unit}`"));
    }
    let per = parse_span(span)?;
    let shape = match (words.next(), words.next()) {
        (None, _) => Shape::Sliding,
        (Some("fixed"), None) => Shape::Fixed,
        (Some("burst"), None) => return Err("no burst; write it as in `1/s burst 5`".to_owned()),
        (Some("burst"), Some(burst)) => Shape::Burst(parse_amount("burst", burst)?),
        (Some("fixed"), Some(word)) => return Err(format!("`{word}` after `fixed`; remove it")),
        (Some(word), _) => return Err(unknown_word(word)),
    };
    if let Some(word) = words.next() {
        return Err(format!("`{word}` is too much; write it as in `1/s burst 5`"));
    }
    Ok(Rate { per, amount, shape })
}

fn parse_amount(what: &str, text: &str) -> Result<u32, String> {
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

fn parse_span(text: &str) -> Result<u64, String> {
    let (count, unit) = text.split_at(digits(text));
    let Some(length) = unit_length(unit) else {
        return Err(unknown_unit(text, unit));
    };
    let count = match count {
        "" => 1,
        count => count.parse::<u64>().map_err(|_| too_long(text))?,
    };
    if count == 0 {
        return Err(format!("the time `{text}` must not be zero"));
    }
    count.checked_mul(length).ok_or_else(|| too_long(text))
}

fn too_long(span: &str) -> String {
    format!("the time `{span}` is too long; the most is 584 years")
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
        "" if text.is_empty() => "no time; write weight per time, as in `10/s`".to_owned(),
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
    use super::*;
    use std::time::Duration;

    fn problem(text: &str) -> String {
        text.parse::<Rate>().unwrap_err().to_string()
    }

    #[test]
    fn reads_what_it_prints() {
        for text in ["10/s", "5/2s", "500/h", "100/15m", "1/s burst 5", "60/m fixed", "7/w", "3/5ns", "1/90s"]
        {
            assert_eq!(text.parse::<Rate>().unwrap().to_string(), text);
        }
        assert_eq!("500/hour".parse::<Rate>().unwrap(), Rate::per_hour(500));
        assert_eq!("5/2seconds".parse::<Rate>().unwrap(), Rate::new(5, Duration::from_secs(2)));
        assert_eq!(" 1/s  burst  5 ".parse::<Rate>().unwrap(), Rate::per_second(1).burst(5));
    }

    #[test]
    fn says_which_part_is_wrong() {
        for (text, part) in [
            ("", "empty"),
            ("10 /s", "white space around `/`"),
            ("10/ s", "white space around `/`"),
            ("1.5/s", "as in `1/2s` for half a call a second"),
            ("x/s", "write digits only"),
            ("1/s burst 1.5", "write digits only"),
            ("1/s/ x/s", "`/` behind the unit"),
            ("/s 1/", "no amount; write weight per time, as in `10/s`"),
            ("1/s bulk 5", "`bulk` is neither `burst` nor `fixed`; did you mean `burst`?"),
            ("1/s fix", "`fix` is neither `burst` nor `fixed`; did you mean `fixed`?"),
            ("1/s window", "`window` is neither `burst` nor `fixed`; write it as in `1/s burst 5`"),
            ("10/", "no time; write weight per time, as in `10/s`"),
            ("5/10", "the time `10` has no unit; write one of `ns us ms s m h d w`, as in `10s`"),
            ("10/x9", "`x9` is no unit of time; write one of"),
            ("10/1x30s", "`x30s` is no unit of time; write one of"),
            ("10", "no time"),
            ("10/", "no time"),
            ("/s", "no amount"),
            ("0/s", "amount must be at least 1"),
            ("10/0s", "`0s` must not be zero"),
            ("-1/s", "`-1` is not a whole number"),
            ("1e9/s", "`1e9` is not a whole number"),
            ("5/month", "as in `30d`"),
            ("5/year", "as in `365d`"),
            ("5/10", "no unit"),
            ("5/parsec", "`parsec` is no unit"),
            ("4294967296/s", "too large"),
            ("1/99999999999999999999s", "too long"),
            ("1/999999999999w", "too long"),
            ("1/s burst 0", "burst must be at least 1"),
            ("1/s burst", "no burst"),
            ("1/s bust 5", "`bust` is neither `burst` nor `fixed`; did you mean `burst`?"),
            ("1/s burst=5", "write it as in `1/s burst 5`"),
            ("10/S", "write it in lower case, `s`"),
            ("10/sek", "did you mean `s`?"),
            ("10/1 s", "as in `10/1s`"),
            ("10/1_000ms", "`_` in a number"),
            ("10/1,5s", "`,` in a number"),
            ("10/1m30s", "more than one unit"),
            ("10/-1s", "a sign"),
            ("10/s/s", "`s/s` is no unit of time; write one of"),
            ("10/s,", "`,` behind the unit"),
            ("10/s,5/m", "several rates"),
            ("1/s fixed burst", "after `fixed`"),
            ("1/s burst 5 fixed", "`fixed` is too much"),
        ] {
            let message = problem(text);
            assert!(message.contains(part), "{text}: {message}");
            assert!(message.starts_with(&format!("invalid rate `{text}`: ")), "{message}");
        }
    }
}
