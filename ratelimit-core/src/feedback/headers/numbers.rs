//! Numbers, and spans of time made of them. Nothing is a float: nanoseconds are counted, the rest is cut off.

use std::time::Duration;

pub(super) const MILLI: u64 = 1_000_000;
pub(super) const SECOND: u64 = 1_000_000_000;

/// Units by their length in nanoseconds.
const UNITS: [(&str, u64); 7] = [
    ("d", 86_400 * SECOND),
    ("h", 3_600 * SECOND),
    ("m", 60 * SECOND),
    ("s", SECOND),
    ("ms", MILLI),
    ("us", 1_000),
    ("ns", 1),
];

/// Digits, with or without a sign and a fraction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Number {
    /// Never of zero.
    pub(super) negative: bool,
    /// Saturates, far above what anything is.
    pub(super) whole: u128,
    /// In billionths.
    fraction: u32,
    pub(super) has_fraction: bool,
}

impl Number {
    pub(super) fn parse(text: &str) -> Option<Number> {
        let (text, negative) = match text.strip_prefix('-') {
            Some(text) => (text, true),
            None => (text, false),
        };
        let (whole, fraction) = match text.split_once('.') {
            Some((whole, fraction)) => (whole, Some(fraction)),
            None => (text, None),
        };
        let whole = digits(whole)?
            .fold(0_u128, |number, digit| number.saturating_mul(10).saturating_add(digit.into()));
        let billionths = billionths(fraction.unwrap_or("0"))?;
        let is_zero = whole == 0 && billionths == 0;
        let has_fraction = fraction.is_some();
        Some(Number { negative: negative && !is_zero, whole, fraction: billionths, has_fraction })
    }

    /// Of a list its first member, and of that what stands before its parameters.
    pub(super) fn first(text: &str) -> Option<Number> {
        Number::parse(first(text))
    }

    pub(super) fn is_positive(self) -> bool {
        !self.negative && (self.whole > 0 || self.fraction > 0)
    }

    /// A fraction is cut off; what is negative or beyond the type is none.
    pub(super) fn count(self) -> Option<u64> {
        if self.negative { None } else { u64::try_from(self.whole).ok() }
    }

    /// So many of a unit that has so many nanoseconds; what is negative or beyond the type is none.
    pub(super) fn times(self, unit: u64) -> Option<Duration> {
        if self.negative {
            return None;
        }
        let part = u128::from(self.fraction) * u128::from(unit) / u128::from(SECOND);
        let nanos = self.whole.checked_mul(u128::from(unit))?.checked_add(part)?;
        let seconds = u64::try_from(nanos / u128::from(SECOND)).ok()?;
        Some(Duration::new(seconds, u32::try_from(nanos % u128::from(SECOND)).ok()?))
    }
}

/// Of a list its first member, and of that what stands before its parameters.
pub(super) fn first(text: &str) -> &str {
    text.split([',', ';']).next().unwrap_or(text).trim_ascii()
}

/// The values of what is one digit after the other, and at least one.
fn digits(text: &str) -> Option<impl Iterator<Item = u8>> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.bytes().map(|byte| byte - b'0'))
}

/// Digits behind a point, as billionths.
pub(super) fn billionths(text: &str) -> Option<u32> {
    let nine = digits(text)?.chain([0; 9]).take(9);
    Some(nine.fold(0, |number, digit| number * 10 + u32::from(digit)))
}

/// `6m0s`, `12ms`, `1h2m3.5s`, and whether it tells no more than whole seconds.
pub(super) fn span(text: &str) -> Option<(Duration, bool)> {
    let mut rest = text;
    let (mut sum, mut whole_seconds) = (Duration::ZERO, true);
    loop {
        let (number, behind) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit() && c != '.')?);
        let (unit, behind) =
            behind.split_at(behind.find(|c: char| !c.is_ascii_lowercase()).unwrap_or(behind.len()));
        let number = Number::parse(number)?;
        let (_, unit) = UNITS.iter().find(|(name, _)| *name == unit)?;
        sum = sum.checked_add(number.times(*unit)?)?;
        whole_seconds &= !number.has_fraction && *unit >= SECOND;
        if behind.is_empty() {
            return Some((sum, whole_seconds));
        }
        rest = behind;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Option<(bool, u128, u32)> {
        Number::parse(text).map(|number| (number.negative, number.whole, number.fraction))
    }

    #[test]
    fn numbers_are_digits_with_a_sign_and_a_fraction() {
        assert_eq!(shown("0"), Some((false, 0, 0)));
        assert_eq!(shown("-0.0"), Some((false, 0, 0)));
        assert_eq!(shown("-0.000000001"), Some((true, 0, 1)));
        assert_eq!(shown("007.25"), Some((false, 7, 250_000_000)));
        assert_eq!(shown("-1.9999999999"), Some((true, 1, 999_999_999)));
        assert_eq!(shown(&"9".repeat(200)), Some((false, u128::MAX, 0)));
        for text in
            ["", "-", ".", ".5", "5.", "+5", "--5", "1.2.3", "1e9", "NaN", "inf", "0x1", "1 2", "1_0", "٣"]
        {
            assert_eq!(shown(text), None, "{text}");
        }
    }

    #[test]
    fn a_count_is_floored_and_none_beyond_its_type() {
        let count = |text| Number::first(text).and_then(Number::count);
        assert_eq!(count("598.9"), Some(598));
        assert_eq!(count(" 100 ;w=60, 1000;w=3600"), Some(100));
        assert_eq!(count("18446744073709551615"), Some(u64::MAX));
        assert_eq!([count("18446744073709551616"), count("-1"), count(", 5"), count(";5")], [None; 4]);
    }

    #[test]
    fn times_are_cut_to_nanoseconds_and_none_beyond_their_type() {
        let times = |text, unit| Number::parse(text).and_then(|number| number.times(unit));
        assert_eq!(times("1.25", SECOND), Some(Duration::from_millis(1_250)));
        assert_eq!(times("0.9999999999", SECOND), Some(Duration::from_nanos(999_999_999)));
        assert_eq!(times("1.0000019", MILLI), Some(Duration::from_nanos(1_000_001)));
        assert_eq!(times("18446744073709551615.999999999", SECOND), Some(Duration::MAX));
        assert_eq!(times("18446744073709551616", SECOND), None);
        assert_eq!([times("-1", SECOND), times(&"9".repeat(60), MILLI)], [None; 2]);
    }

    #[test]
    fn spans_are_sums() {
        let millis = Duration::from_millis;
        for (text, sum, whole) in [
            ("6m0s", 360_000, true),
            ("12ms", 12, false),
            ("1h2m3s", 3_723_000, true),
            ("1d", 86_400_000, true),
            ("2m59.56s", 179_560, false),
            ("1.5h", 5_400_000, false),
            ("1s500ms", 1_500, false),
            ("0s", 0, true),
        ] {
            assert_eq!(span(text), Some((millis(sum), whole)), "{text}");
        }
        assert_eq!(span("1us1ns"), Some((Duration::from_nanos(1_001), false)));
        for text in [
            "",
            "s",
            "5",
            "5s5",
            "5x",
            "-5s",
            "5 s",
            "5s 6ms",
            "5S",
            "1.s",
            ".5s",
            "5s.",
            "P5S",
            "99999999999999999999d",
        ] {
            assert_eq!(span(text), None, "{text}");
        }
    }
}
