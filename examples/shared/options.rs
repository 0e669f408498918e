//! What the command lines of the examples have in common.

use std::time::Duration;

/// For lexopt's `parse_with`.
pub fn seconds(text: &str) -> Result<Duration, &'static str> {
    match text.parse() {
        Ok(seconds @ 1..=3600) => Ok(Duration::from_secs(seconds)),
        _ => Err("expected a whole number from 1 to 3600"),
    }
}

/// lexopt names the value that it could not parse, but not the option.
pub fn named<T>(option: &str, value: Result<T, lexopt::Error>) -> Result<T, lexopt::Error> {
    value.map_err(|error| format!("{option}: {error}").into())
}
