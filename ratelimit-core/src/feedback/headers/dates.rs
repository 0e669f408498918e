//! Dates and times of day, as time since 1970; what is before is 1970.

use std::ops::RangeInclusive;
use std::time::{Duration, UNIX_EPOCH};

use super::numbers::{self, Number};

/// Below it a plain number is a span.
const EPOCH_SECONDS: u128 = 1_000_000_000;
/// From it on a plain number is a Unix time in milliseconds.
const EPOCH_MILLIS: u128 = 100_000_000_000;

/// In how long a reset is due, in whatever form it was sent, and whether it was sent in whole seconds.
pub(super) fn reset(text: &str, now: Duration) -> Option<(Duration, bool)> {
    if let Some(number) = Number::parse(text) {
        return plain(number, now);
    }
    let until = |(at, whole): (Duration, bool)| (at.saturating_sub(now), whole);
    let date = || rfc3339(text).or_else(|| Some((http(text)?, true))).map(until);
    numbers::span(text).or_else(date)
}

fn plain(number: Number, now: Duration) -> Option<(Duration, bool)> {
    let whole_seconds = !number.has_fraction;
    match number.whole {
        ..EPOCH_SECONDS => Some((number.times(numbers::SECOND)?, whole_seconds)),
        EPOCH_SECONDS..EPOCH_MILLIS => {
            Some((number.times(numbers::SECOND)?.saturating_sub(now), whole_seconds))
        }
        _ => Some((number.times(numbers::MILLI)?.saturating_sub(now), false)),
    }
}

/// The three forms that HTTP has for dates, of which servers should send but the first:
/// `Sun, 06 Nov 1994 08:49:37 GMT`, `Sunday, 06-Nov-94 08:49:37 GMT`, `Sun Nov  6 08:49:37 1994`.
pub(super) fn http(text: &str) -> Option<Duration> {
    httpdate::parse_http_date(text).ok()?.duration_since(UNIX_EPOCH).ok()
}

/// `2020-09-08T13:25:00.019685Z`, with another offset, or without seconds; and whether it has no fraction.
fn rfc3339(text: &str) -> Option<(Duration, bool)> {
    let (date, time) = text.split_once(['T', 't', ' '])?;
    let (time, zone) = time.split_at(time.find(['Z', 'z', '+', '-'])?);
    let (time, fraction) = match time.split_once('.') {
        Some((time, fraction)) => (time, numbers::billionths(fraction)?),
        None => (time, 0),
    };
    let has_fraction = text.contains('.');
    let seconds = day(date)? * 86_400 + time_of_day(time)? - offset(zone)?;
    let at = u64::try_from(seconds).map_or(Duration::ZERO, |seconds| Duration::new(seconds, fraction));
    Some((at, !has_fraction))
}

/// `2020-09-08`, as days since 1970.
fn day(text: &str) -> Option<i64> {
    let (year, text) = text.split_once('-')?;
    let (month, day) = text.split_once('-')?;
    let (year, month) = (number(year, 4, 0..=9_999)?, number(month, 2, 1..=12)?);
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        2 => 28 + i64::from(is_leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    let day = number(day, 2, 1..=length)?;
    // A year that begins in March has its odd day at its end, and months whose lengths repeat after five.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    Some(year * 365 + leap_days + (153 * month + 2) / 5 + day - 719_469)
}

/// `13:25:00` or `13:25`, in seconds; a leap second is the 60th.
fn time_of_day(text: &str) -> Option<i64> {
    let (time, second) = match text.len() {
        ..=5 => (text, 0),
        _ => text.rsplit_once(':').and_then(|(time, second)| Some((time, number(second, 2, 0..=60)?)))?,
    };
    Some(hours_and_minutes(time)? + second)
}

/// `Z`, `+02:00`, `-08:00`: by how many seconds the time there is ahead.
fn offset(zone: &str) -> Option<i64> {
    if let Some(west) = zone.strip_prefix('-') {
        return Some(-hours_and_minutes(west)?);
    }
    match zone.strip_prefix('+') {
        Some(east) => hours_and_minutes(east),
        None => zone.eq_ignore_ascii_case("z").then_some(0),
    }
}

/// `13:25`, in seconds.
fn hours_and_minutes(text: &str) -> Option<i64> {
    let (hour, minute) = text.split_once(':')?;
    Some(number(hour, 2, 0..=23)? * 3_600 + number(minute, 2, 0..=59)? * 60)
}

/// Exactly so many digits.
fn number(text: &str, width: usize, range: RangeInclusive<i64>) -> Option<i64> {
    let is_number = text.len() == width && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = if is_number { text.parse().ok()? } else { return None };
    range.contains(&number).then_some(number)
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    fn instant(text: &str) -> Option<(u64, u32, bool)> {
        rfc3339(text).map(|(at, whole)| (at.as_secs(), at.subsec_nanos(), whole))
    }

    #[test]
    fn rfc_3339_with_offsets_fractions_and_without_seconds() {
        for (text, expected) in [
            ("2020-09-08T13:25:00.019685Z", (1_599_571_500, 19_685_000, false)),
            ("2020-09-08T13:25:00Z", (1_599_571_500, 0, true)),
            ("2020-09-08t13:25z", (1_599_571_500, 0, true)),
            ("2020-09-08 15:25:00+02:00", (1_599_571_500, 0, true)),
            ("2020-09-08T05:55:00-07:30", (1_599_571_500, 0, true)),
            ("2020-09-08T15:25:00.000+02:00", (1_599_571_500, 0, false)),
            ("2020-09-08T13:25:00.9999999999Z", (1_599_571_500, 999_999_999, false)),
            ("2016-12-31T23:59:60Z", (1_483_228_800, 0, true)),
            ("1970-01-01T00:00:00+00:01", (0, 0, true)),
            ("0000-01-01T00:00:00Z", (0, 0, true)),
            ("1969-12-31T23:59:59.5Z", (0, 0, false)),
            ("2000-02-29T00:00:00Z", (951_782_400, 0, true)),
            ("9999-12-31T23:59:59Z", (253_402_300_799, 0, true)),
        ] {
            assert_eq!(instant(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_rfc_3339() {
        for text in [
            "2020-09-08",
            "2020-09-08T13:25:00",
            "2020-09-08T13:25:00+0200",
            "2020-09-08T13:25:00+02",
            "2020-09-08T13:25:00+24:00",
            "2020-09-08T13:25:00.Z",
            "2020-09-08T13:25:00.5.5Z",
            "2020-09-08T13.5:25Z",
            "2020-09-08T13:25:61Z",
            "2020-09-08T24:00:00Z",
            "2020-09-08T13:60:00Z",
            "2020-09-08T1:25:00Z",
            "2020-09-08T13:25:0Z",
            "2020-09-08T13:25:Z",
            "2020-09-08T13Z",
            "2020-09-08T13:25:00ZZ",
            "2020-09-08T13:25:00Z+01:00",
            "2021-02-29T00:00:00Z",
            "1900-02-29T00:00:00Z",
            "2020-04-31T00:00:00Z",
            "2020-13-01T00:00:00Z",
            "2020-00-01T00:00:00Z",
            "2020-01-00T00:00:00Z",
            "20-01-01T00:00:00Z",
            "+020-01-01T00:00:00Z",
            "T",
            "T:Z",
        ] {
            assert_eq!(instant(text), None, "{text}");
        }
    }

    /// Ours beside those of the crate that reads HTTP's dates, every day from 1970 to 2370.
    #[test]
    fn days_follow_each_other() {
        // In an interpreter some of them.
        for days in (0..146_097).step_by(if cfg!(miri) { 7_001 } else { 1 }) {
            let at = Duration::from_secs(days * 86_400);
            let date = httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + at);
            assert_eq!(http(&date), Some(at));
            let month = "JanFebMarAprMayJunJulAugSepOctNovDec".find(&date[8..11]).unwrap() / 3 + 1;
            let ours = format!("{}-{month:02}-{}T00:00:00Z", &date[12..16], &date[5..7]);
            assert_eq!(rfc3339(&ours), Some((at, true)), "{ours}");
        }
    }

    #[test]
    fn plain_numbers_are_told_by_their_size() {
        let now = Duration::from_secs(1_700_000_000);
        let seconds = Duration::from_secs;
        for (text, expected) in [
            ("999999999", (seconds(999_999_999), true)),
            ("999999999.5", (Duration::from_millis(999_999_999_500), false)),
            ("1000000000", (seconds(0), true)),
            ("1700000060", (seconds(60), true)),
            ("1700000060.25", (Duration::from_millis(60_250), false)),
            ("99999999999", (seconds(98_299_999_999), true)),
            ("100000000000", (seconds(0), false)),
            ("1700000060250", (Duration::from_millis(60_250), false)),
        ] {
            assert_eq!(reset(text, now), Some(expected), "{text}");
        }
        for text in ["-1", "-1700000060", "NaN", "-inf", "inf", "soon", "", "1e3"] {
            assert_eq!(reset(text, now), None, "{text}");
        }
    }
}
