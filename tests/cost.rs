//! What the attribute costs in memory: nothing on the heap where the call is granted, and little in a future.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says so by panicking")]

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use allocation_counter::measure;
use rate_limited::feedback::Feedback;
use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("tests.allocations", Rate::per_second(1_000_000).burst(1_000_000));

const UUID: &str = "6ba7b810-9dad-11d1-80b4-00c04fd430c8";

#[rate_limited(bucket = BUCKET)]
fn unkeyed() -> Result<u32, Error> {
    Ok(1)
}

#[rate_limited(bucket = BUCKET, key = user, weight = 2, max_delay = "1s")]
fn expression(user: &str) -> Result<usize, Error> {
    Ok(user.len())
}

#[rate_limited(bucket = BUCKET, key = "{tenant}/{page:>8}")]
fn format_string(tenant: &str, page: u32) -> Result<usize, Error> {
    Ok(tenant.len() + page as usize)
}

#[rate_limited(bucket = BUCKET, key = |user| user, weight = |user| user.len())]
async fn closure(user: &str) -> Result<usize, Error> {
    std::future::ready(Ok(user.len())).await
}

#[rate_limited(rate = "1000000/s", burst = 1_000_000, key = user, permit = permit)]
async fn own_bucket(user: u64) -> Result<u64, Error> {
    drop(permit);
    std::future::ready(Ok(user)).await
}

fn now<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("it waits"),
    }
}

/// Each form, by a key that is known: the entry of a new key is memory that it needs.
#[test]
fn granted_calls_do_not_allocate() {
    let forms: [(&str, fn()); 5] = [
        ("unkeyed", || assert_eq!(unkeyed().unwrap(), 1)),
        ("expression", || assert_eq!(expression(UUID).unwrap(), UUID.len())),
        ("format string", || assert!(format_string("a tenant with a name", 7).is_ok())),
        ("closure", || assert!(now(closure(UUID)).is_ok())),
        ("own bucket", || assert!(now(own_bucket(u64::MAX)).is_ok())),
    ];
    for (name, call) in forms {
        call();
        let counted = measure(|| (0..100).for_each(|_| call()));
        assert_eq!((counted.count_total, counted.bytes_total), (0, 0), "{name}");
    }
    let counted = measure(|| drop(vec![0_u8]));
    assert_eq!(counted.count_total, 1, "the counter counts");
}

/// A key's text is kept, for an error, in as many bytes as usual keys have; a longer one costs an allocation, not more.
#[test]
fn a_long_key_allocates_its_text_only() {
    let long = UUID.repeat(2);
    expression(&long).unwrap();
    let counted = measure(|| assert!(expression(&long).is_ok()));
    assert!(counted.count_total <= 2, "{counted:?}");
}

static READ: Bucket = Bucket::new("tests.allocations.read", Rate::per_second(1_000_000).burst(1_000_000));

#[rate_limited(bucket = READ, key = user, feedback = |_| None::<Feedback>)]
fn read(user: &str) -> Result<usize, Error> {
    Ok(user.len())
}

/// It is kept in mind by its bucket until it ended, and not longer.
#[test]
fn a_call_whose_answer_is_read_is_kept_until_it_ends() {
    read(UUID).unwrap();
    let counted = measure(|| (0..100).for_each(|_| assert!(read(UUID).is_ok())));
    assert_eq!(counted.count_current, 0, "{counted:?}");
    assert!((1..=300).contains(&counted.count_total) && counted.bytes_total <= 100 * 128, "{counted:?}");
}

/// The permit and the engine's future are all that the attribute adds, whatever stands in it.
#[test]
fn futures_stay_small() {
    async fn plain(user: u32) -> Result<u32, Error> {
        std::future::ready(()).await;
        Ok(user)
    }

    #[rate_limited(bucket = "kitsu")]
    async fn limited(user: u32) -> Result<u32, Error> {
        std::future::ready(()).await;
        Ok(user)
    }

    #[rate_limited(bucket = "kitsu", key = "{user}/{user:>8}", weight = user, max_delay = "1s", permit = permit)]
    async fn every_parameter(user: u32) -> Result<u32, Error> {
        std::future::ready(permit.waited()).await;
        Ok(user)
    }

    async fn plain_payload(payload: [u8; 256]) -> Result<u8, Error> {
        std::future::ready(()).await;
        Ok(payload.first().copied().unwrap_or_default())
    }

    #[rate_limited(bucket = "kitsu", key = |payload| payload.len(), weight = payload.len())]
    async fn payload(payload: [u8; 256]) -> Result<u8, Error> {
        std::future::ready(()).await;
        Ok(payload.first().copied().unwrap_or_default())
    }

    #[rate_limited(bucket = "kitsu", feedback = |_| None::<Feedback>)]
    async fn read(user: u32) -> Result<u32, Error> {
        std::future::ready(()).await;
        Ok(user)
    }

    #[rate_limited(bucket = "kitsu", feedback = |_| None::<Feedback>)]
    async fn payload_read(payload: [u8; 256]) -> Result<u8, Error> {
        std::future::ready(()).await;
        Ok(payload.first().copied().unwrap_or_default())
    }

    // Once more for the block that the body is in.
    let (once, twice) = (size_of_val(&plain_payload([0; 256])), size_of_val(&payload_read([0; 256])));
    assert!(twice <= once + 256 + 128, "{once} and {twice} bytes");

    for (name, plain, limited) in [
        ("small", size_of_val(&plain(1)), size_of_val(&limited(1))),
        ("every parameter", size_of_val(&plain(1)), size_of_val(&every_parameter(1))),
        ("read", size_of_val(&plain(1)), size_of_val(&read(1))),
        ("payload", size_of_val(&plain_payload([0; 256])), size_of_val(&payload([0; 256]))),
    ] {
        assert!(limited > plain && limited - plain <= 128, "{name}: {plain} and {limited} bytes");
    }
}
