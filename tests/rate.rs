//! `rate` and `burst`: limits declared in place.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says so by panicking")]

use std::time::Duration;

use rate_limited::{Error, ErrorKind, Rate, Registry, rate_limited};
use rate_limited_tests::Bench;

/// The macro's own reader of rates, held against the engine's.
#[path = "../ratelimit-macros/src/args/literal.rs"]
#[allow(dead_code, reason = "durations are read there too")]
mod literal;

#[test]
fn the_same_name_and_limits_are_one_bucket() {
    #[rate_limited(bucket = "tests.weather", rate = "2/d")]
    fn first() -> Result<(), Error> {
        Ok(())
    }

    #[rate_limited(bucket = "tests.weather", rate = "2/24h")]
    async fn second() -> Result<(), Error> {
        std::future::ready(()).await;
        Ok(())
    }

    first().unwrap();
    futures::executor::block_on(second()).unwrap();
    assert_eq!(first().unwrap_err().rate(), Some(Rate::per_day(2)));
    assert_eq!(Registry::global().get("tests.weather").unwrap().rates(), [Rate::per_day(2)]);
}

#[test]
fn other_limits_are_an_error_that_names_both() {
    #[rate_limited(bucket = "tests.disputed", rate = "2/d")]
    fn first() -> Result<(), Error> {
        Ok(())
    }

    #[rate_limited(bucket = "tests.disputed", rate = "3/d")]
    fn second() -> Result<(), Error> {
        Ok(())
    }

    first().unwrap();
    let error = second().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    let text = error.to_string();
    assert!(text.contains("2/d") && text.contains("3/d"), "{text}");
    first().unwrap();
}

#[test]
fn without_a_name_it_is_the_call_sites_own() {
    #[rate_limited(rate = "1/d")]
    fn first() -> Result<(), Error> {
        Ok(())
    }

    #[rate_limited(rate = "1/d")]
    fn second() -> Result<(), Error> {
        Ok(())
    }

    let line = line!() - 10;
    first().unwrap();
    second().unwrap();
    let error = first().unwrap_err();
    assert_eq!(error.site(), Some("rate::first"));
    assert_eq!(error.bucket(), Some(format!("rate::first@{line}:5").as_str()));
    assert!(second().is_err());
}

/// Functions that one macro makes at one place have one name, and are two all the same.
#[test]
fn the_site_is_the_identity_and_not_its_name() {
    macro_rules! twins {
        ($($module:ident)*) => {
            $(mod $module {
                #[rate_limited::rate_limited(rate = "1/d")]
                pub(super) fn call() -> Result<(), rate_limited::Error> {
                    Ok(())
                }
            })*
        };
    }
    twins!(first second);

    first::call().unwrap();
    second::call().unwrap();
    assert!(first::call().is_err());
    assert!(second::call().is_err());
}

#[test]
fn a_generic_function_has_one_limit_for_all_types() {
    #[rate_limited(rate = "2/d")]
    fn call<T>(_value: T) -> Result<(), Error> {
        Ok(())
    }

    call(1).unwrap();
    call("text").unwrap();
    assert!(call(()).is_err());
}

#[test]
fn a_burst_makes_a_token_bucket() {
    #[rate_limited(bucket = "tests.burst", rate = "1/s", burst = 3, registry = bench.registry)]
    fn call(bench: &Bench) -> Result<(), Error> {
        Ok(())
    }

    #[rate_limited(bucket = "tests.burst", rate = "1/s burst 3", registry = bench.registry)]
    fn same(bench: &Bench) -> Result<(), Error> {
        Ok(())
    }

    let bench = Bench::new("tests.other", "1/s").unwrap();
    call(&bench).unwrap();
    same(&bench).unwrap();
    call(&bench).unwrap();
    let error = same(&bench).unwrap_err();
    assert_eq!(error.rate(), Some(Rate::per_second(1).burst(3)));
    assert_eq!(error.retry_after(), Some(Duration::from_secs(1)));
    bench.clock.advance(Duration::from_secs(1));
    call(&bench).unwrap();
    assert!(call(&bench).is_err());
}

/// Whatever the macro accepts the engine accepts with the same meaning, and the other way round; what they refuse they
/// refuse in the same words.
#[test]
fn literals_mean_what_the_engine_reads() {
    let amounts =
        ["", "0", "1", "007", "10", "4294967295", "4294967296", "-1", "+1", "1.5", "1e9", " 5", "x", "٣"];
    let counts =
        ["", "0", "1", "2", "15", "584", "18446744073709551615", "18446744073709551616", "-1", "1.5", " "];
    let units = [
        "", "ns", "nanos", "us", "µs", "micros", "ms", "millis", "s", "sec", "secs", "second", "seconds",
        "S", "m", "min", "mins", "minute", "minutes", "h", "hr", "hrs", "hour", "hours", "d", "day", "days",
        "w", "week", "weeks", "month", "y", "1s", "parsec", "sek", "MSecs", "_0s", ",5s", "m30s", "s,",
        "s;5/m", "-", "/m",
    ];
    let tails = [
        "",
        " ",
        " burst 5",
        " burst 0",
        " burst",
        " burst -1",
        " burst 4294967296",
        " fixed",
        " fixed 1",
        " bust 5",
        " burst=5",
        " fixd",
        " s",
        ", 100/m",
        " burst 5 fixed",
        "  burst   7  ",
        "burst 5",
        " 5",
    ];
    let (mut accepted, mut refused) = (0, 0);
    for amount in amounts {
        for slash in ["/", " / ", "", "//"] {
            for count in counts {
                for unit in units {
                    for tail in tails {
                        let text = format!("{amount}{slash}{count}{unit}{tail}");
                        let (ours, engines) = (literal::rate(&text), text.parse::<Rate>());
                        match (&ours, &engines) {
                            (Ok(ours), Ok(engines)) => {
                                accepted += 1;
                                assert_eq!(made(*ours), *engines, "{text}");
                            }
                            (Err(ours), Err(engines)) => {
                                refused += 1;
                                assert_eq!(*ours, engines.to_string());
                            }
                            _ => panic!("{text}: {ours:?}, {engines:?}"),
                        }
                    }
                }
            }
        }
    }
    assert!(accepted > 1_000 && refused > 10_000, "{accepted} {refused}");
}

fn made(rate: literal::Rate) -> Rate {
    let plain = Rate::new(rate.amount, Duration::from_nanos(rate.nanos));
    match rate.shape {
        literal::Shape::Sliding => plain,
        literal::Shape::Burst(burst) => plain.burst(burst),
        literal::Shape::Fixed => plain.fixed(),
    }
}
