//! What an error says: lower case, the bucket first, then what to do.

use std::fmt;
use std::time::Duration;

use super::failure::Trouble;
use super::{Error, ErrorKind, ErrorScope, Failure};

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(message) = self.message() {
            return f.write_str(message);
        }
        if let Some(name) = self.bucket() {
            write!(f, "bucket `{name}` ")?;
        }
        match self.kind {
            ErrorKind::Limited | ErrorKind::DelayTooLong => self.fmt_wait(f),
            ErrorKind::TooHeavy => match (self.weight(), self.rate()) {
                (Some(weight), Some(rate)) => {
                    write!(f, "is limited to {rate}: weight {weight} can never fit")
                }
                (Some(weight), None) if self.is_by_server() => {
                    write!(f, "can never fit weight {weight} into the server's limit")
                }
                (Some(weight), None) => write!(f, "can never fit weight {weight}"),
                _ => f.write_str("can never fit a weight below zero or above 4294967295"),
            },
            ErrorKind::TooManyKeys => f.write_str("holds as many keys as it may, all of them in use"),
            ErrorKind::TooManyWaiting => self.fmt_crowd(f),
            ErrorKind::UnknownBucket => f.write_str("is unknown"),
            ErrorKind::Closed => f.write_str("is closed"),
            ErrorKind::Store => self.fmt_store(f),
            ErrorKind::Config => f.write_str("is not configured as it should be"),
        }
    }
}

impl Error {
    fn is_by_server(&self) -> bool {
        self.scope == Some(ErrorScope::Server)
    }

    /// What the store failed with is the error's source, and told by who prints that; `{:#}` tells all at once.
    fn fmt_store(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let trouble = self.failure().map_or(Trouble::Away, Failure::trouble);
        write!(f, "is kept in a store that {}", trouble.as_str())?;
        if let Some(advice) = self.failure().and_then(Failure::advice) {
            write!(f, ": {advice}")?;
        }
        let mut cause = std::error::Error::source(self).filter(|_| f.alternate());
        while let Some(next) = cause {
            write!(f, ": {next}")?;
            cause = next.source();
        }
        Ok(())
    }

    fn fmt_crowd(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("has as many waiting as may")?;
        match self.retry_after() {
            Some(wait) => write!(f, ": retry after {}", Span(wait)),
            None => Ok(()),
        }
    }

    fn fmt_wait(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.rate(), self.retry_after()) {
            (Some(rate), Some(wait)) => write!(f, "is limited to {rate}: retry after {}", Span(wait))?,
            (Some(rate), None) => write!(f, "is limited to {rate}: when to retry is unknown")?,
            (None, Some(wait)) if self.is_by_server() => {
                write!(f, "is held up by the server: retry after {}", Span(wait))?;
            }
            (None, Some(wait)) => write!(f, "is held up: retry after {}", Span(wait))?,
            (None, None) if self.is_by_server() => f.write_str("is held up until the server has answered")?,
            (None, None) => f.write_str("is held up by other calls: when to retry is unknown")?,
        }
        match self.max_delay() {
            Some(allowed) if self.kind == ErrorKind::DelayTooLong => {
                write!(f, " (allowed {})", Span(allowed))
            }
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Error");
        debug.field("kind", &self.kind).field("message", &format!("{self:#}"));
        if let Some(weight) = self.weight() {
            debug.field("weight", &weight);
        }
        if let Some(site) = self.site() {
            debug.field("site", &site);
        }
        debug.finish_non_exhaustive()
    }
}

/// A span for people: whole milliseconds from one up, rounded up so that nobody comes too early.
struct Span(Duration);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MILLI: u128 = 1_000_000;
        let nanos = self.0.as_nanos();
        if nanos < MILLI {
            return fmt::Debug::fmt(&self.0, f);
        }
        match u64::try_from(nanos.div_ceil(MILLI)) {
            Ok(millis) => fmt::Debug::fmt(&Duration::from_millis(millis), f),
            Err(_) => f.write_str("forever"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rate;
    use crate::error::{Extra, Named, Refused};

    use std::sync::Arc;

    #[test]
    fn says_who_what_and_when() {
        let bucket = Extra::of_bucket(&Arc::new("kitsu".into()));
        let error = |kind| {
            Error::refused(Refused {
                kind,
                scope: ErrorScope::Key,
                handle: Named::Counted(&bucket),
                rate: Some(Rate::per_second(10)),
                retry_after: Some(339_000_001),
                weight: 2,
                max_delay: 200_000_000,
                site: None,
            })
        };
        assert_eq!(
            error(ErrorKind::DelayTooLong).to_string(),
            "bucket `kitsu` is limited to 10/s: retry after 340ms (allowed 200ms)"
        );
        assert_eq!(
            error(ErrorKind::Limited).to_string(),
            "bucket `kitsu` is limited to 10/s: retry after 340ms"
        );
        assert_eq!(
            error(ErrorKind::TooHeavy).to_string(),
            "bucket `kitsu` is limited to 10/s: weight 2 can never fit"
        );
        assert_eq!(error(ErrorKind::Closed).to_string(), "bucket `kitsu` is closed");
    }

    /// Each cause once, however the error is printed: by itself, by a program that ends with it, or link by link.
    #[test]
    fn a_cause_stands_in_the_source_alone() {
        let name = Arc::new("api".into());
        let of = |failure| Error::new(ErrorKind::Store).with_bucket(&name).with_failure(Some(failure));
        let disk = || std::io::Error::other("the disk is full");
        let away = of(Failure::new(disk()));
        assert_eq!(away.to_string(), "bucket `api` is kept in a store that does not answer");
        assert_eq!(std::error::Error::source(&away).unwrap().to_string(), "the disk is full");
        let all = "bucket `api` is kept in a store that does not answer: the disk is full";
        assert_eq!(format!("{away:#}"), all);
        assert_eq!(format!("{away:?}"), format!("Error {{ kind: Store, message: {all:?}, .. }}"));
        assert_eq!(format!("{:#}", std::io::Error::from(away)), all);
        for (failure, said) in [
            (Failure::refused(disk()), "bucket `api` is kept in a store that refuses calls"),
            (Failure::strange(disk()), "bucket `api` is kept in a store that does not answer as it should"),
            (Failure::of_state(disk()), "bucket `api` is kept in a store that cannot answer this call"),
        ] {
            let advised = failure.clone().advise("make room");
            assert_eq!(advised.to_string(), "the disk is full: make room");
            assert_eq!(of(failure).to_string(), said);
            assert_eq!(of(advised.clone()).to_string(), format!("{said}: make room"));
            assert_eq!(format!("{:#}", of(advised)), format!("{said}: make room: the disk is full"));
        }
        assert_eq!(
            Error::new(ErrorKind::Store).with_bucket(&name).to_string(),
            "bucket `api` is kept in a store that does not answer"
        );
    }
}
