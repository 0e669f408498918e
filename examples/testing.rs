//! How to test annotated functions without waiting: give their registry a clock that only the test moves.
//!
//! `cargo test --example testing` runs these as tests, `cargo run --example testing` one after the other.

#![allow(clippy::expect_used, reason = "tests")]

use std::thread;
use std::time::Duration;

use rate_limited::clock::ManualClock;
use rate_limited::{Bucket, Error, ErrorKind, Rate, Registry, rate_limited};

/// The code under test. It is given its limits, as it would be given a database: in production a registry in real time, in a
/// test one whose time is the test's.
struct Mailer {
    limits: Registry,
}

impl Mailer {
    fn new(limits: Registry) -> Result<Self, Error> {
        // Without a guard, which is for the way to a real server, a test can count on the nanosecond.
        limits.register(Bucket::named("mail", Rate::per_second(2)).guard(Duration::ZERO))?;
        Ok(Self { limits })
    }

    #[rate_limited(bucket = "mail", registry = self.limits)]
    fn send_now(&self, to: &str) -> Result<String, Error> {
        Ok(format!("sent to {to}"))
    }

    #[rate_limited(bucket = "mail", registry = self.limits, max_delay = "1m")]
    fn send(&self, to: &str) -> Result<String, Error> {
        Ok(format!("sent to {to}"))
    }

    #[rate_limited(bucket = "mail", registry = self.limits, max_delay = "1m")]
    async fn send_async(&self, to: &str) -> Result<String, Error> {
        Ok(format!("sent to {to}"))
    }
}

/// A mailer that has just sent two mails, which is all that it may send in a second.
fn busy_mailer(clock: &ManualClock) -> Result<Mailer, Error> {
    let mailer = Mailer::new(Registry::builder().clock(clock.clone()).build())?;
    mailer.send_now("ann@example.org")?;
    mailer.send_now("bob@example.org")?;
    Ok(mailer)
}

const SECOND: Duration = Duration::from_secs(1);
/// A call that is exactly a second old still counts, so the next may start just after.
const INSTANT: Duration = Duration::from_nanos(1);

#[cfg_attr(test, test)]
fn a_third_mail_is_refused_until_the_second_is_over() -> Result<(), Error> {
    let clock = ManualClock::new();
    let mailer = busy_mailer(&clock)?;

    let refusal = mailer.send_now("cid@example.org").expect_err("two a second");
    assert_eq!(refusal.kind(), ErrorKind::Limited);
    assert_eq!(refusal.retry_after(), Some(SECOND + INSTANT));

    clock.advance(SECOND);
    assert!(mailer.send_now("cid@example.org").is_err());
    clock.advance(INSTANT);
    assert!(mailer.send_now("cid@example.org").is_ok());
    Ok(())
}

#[cfg_attr(test, test)]
fn a_thread_waits_for_its_turn() -> Result<(), Error> {
    let clock = ManualClock::new();
    let mailer = busy_mailer(&clock)?;

    thread::scope(|scope| {
        let sending = scope.spawn(|| mailer.send("cid@example.org"));
        // Until the thread really waits; otherwise the time could move before it has called.
        clock.wait_for_sleepers(1);
        clock.advance(SECOND);
        assert!(!sending.is_finished());
        clock.advance(INSTANT);
        assert_eq!(sending.join().expect("no panic")?, "sent to cid@example.org");
        Ok(())
    })
}

/// A grant is decided at the moment of the start, so those whom one advance woke have to start before the next.
#[cfg_attr(test, test)]
fn threads_start_one_advance_after_another() -> Result<(), Error> {
    let clock = ManualClock::new();
    let mailer = busy_mailer(&clock)?;
    let bucket = mailer.limits.get("mail")?;

    thread::scope(|scope| {
        let sending = [(); 4].map(|()| scope.spawn(|| mailer.send("cid@example.org")));
        clock.wait_for_sleepers(4);
        for left in [2, 0] {
            clock.advance(SECOND + INSTANT);
            while bucket.peek()?.waiting() > left {
                thread::yield_now();
            }
        }
        for sent in sending {
            assert_eq!(sent.join().expect("no panic")?, "sent to cid@example.org");
        }
        Ok(())
    })
}

#[cfg_attr(test, tokio::test)]
async fn a_task_waits_for_its_turn() -> Result<(), Error> {
    let clock = ManualClock::new();
    let mailer = busy_mailer(&clock)?;

    // `join!` polls in order: the call begins to wait, then the time moves, and the call is polled again.
    let (sent, ()) =
        tokio::join!(mailer.send_async("cid@example.org"), async { clock.advance(SECOND + INSTANT) });
    assert_eq!(sent?, "sent to cid@example.org");
    Ok(())
}

/// A limit that frees nothing within the allowance refuses at once, and nobody has to wait for the refusal.
#[cfg_attr(test, test)]
fn who_would_wait_too_long_does_not_wait_at_all() -> Result<(), Error> {
    let clock = ManualClock::new();
    let mailer = busy_mailer(&clock)?;
    mailer.limits.register(Bucket::named("mail", Rate::per_hour(2)).guard(Duration::ZERO))?;

    let refusal = mailer.send("cid@example.org").expect_err("more than the minute that `send` may wait");
    assert_eq!(refusal.kind(), ErrorKind::DelayTooLong);
    Ok(())
}

#[rate_limited(rate = "1/h")]
fn newsletter() -> Result<&'static str, Error> {
    Ok("news")
}

/// Functions that use the global registry can be tested as well, by tests that may share their time.
#[cfg_attr(test, test)]
fn the_global_registry_takes_a_clock_too() -> Result<(), Error> {
    let clock = ManualClock::new();
    Registry::global().set_clock(clock.clone());

    newsletter()?;
    let refusal = newsletter().expect_err("one an hour");
    clock.advance(refusal.retry_after().expect("known"));
    assert_eq!(newsletter()?, "news");
    Ok(())
}

#[cfg(not(test))]
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    a_third_mail_is_refused_until_the_second_is_over()?;
    a_thread_waits_for_its_turn()?;
    threads_start_one_advance_after_another()?;
    a_task_waits_for_its_turn().await?;
    who_would_wait_too_long_does_not_wait_at_all()?;
    the_global_registry_takes_a_clock_too()?;
    println!("an hour and some seconds, tested without waiting");
    Ok(())
}
