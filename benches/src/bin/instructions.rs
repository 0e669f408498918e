//! Calls of one kind, so many of them, and nothing else; `cargo xtask instructions` counts what they take.
//!
//! Without words it prints which kinds there are.

use std::env;
use std::error::Error;
use std::future::Future;
use std::hint::black_box;
use std::pin::pin;
use std::process::ExitCode;
use std::task::{Context, Poll, Waker};

use rate_limited::{Bucket, Rate, rate_limited};

/// As much as no run can use up.
const HUGE: Rate = Rate::per_second(1_000_000).burst(4_000_000_000);

static BUCKET: Bucket = Bucket::new("instructions", HUGE);
static SLIDING: Bucket = Bucket::new("instructions.sliding", Rate::per_second(1_000_000));
static SPENT: Bucket = Bucket::new("instructions.spent", Rate::per_day(1).burst(1));

type Ended = Result<(), rate_limited::Error>;

#[rate_limited(bucket = "instructions.sync", rate = "1000000/s", burst = 4000000000)]
fn annotated() -> Ended {
    Ok(())
}

#[rate_limited(bucket = "instructions.async", rate = "1000000/s", burst = 4000000000)]
async fn annotated_async() -> Ended {
    Ok(())
}

#[rate_limited(bucket = "instructions.keyed", rate = "1000000/s", burst = 4000000000, key = "{user}")]
fn annotated_keyed(user: u64) -> Ended {
    black_box(user);
    Ok(())
}

/// A bucket that is made at run time counts its handles.
fn made_at_run_time() -> impl FnMut(u64) -> Ended {
    let bucket = Bucket::named("made", HUGE);
    move |_| bucket.try_acquire().map(drop)
}

fn now(future: impl Future<Output = Ended>) -> Ended {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(ended) => ended,
        Poll::Pending => unreachable!("there is room"),
    }
}

fn run(kind: &str, calls: u64) -> Result<(), Box<dyn Error>> {
    let each =
        |mut call: Box<dyn FnMut(u64) -> Ended>| (0..calls).try_for_each(|number| black_box(call(number)));
    match kind {
        "static" => each(Box::new(|_| BUCKET.try_acquire().map(drop)))?,
        "made at run time" => each(Box::new(made_at_run_time()))?,
        "with a key" => {
            each(Box::new(|_| BUCKET.request().key("0123456789abcdef").try_acquire().map(drop)))?;
        }
        "with 1,000 keys" => {
            each(Box::new(|number| BUCKET.request().key(number % 1_000).try_acquire().map(drop)))?;
        }
        "sliding window" => each(Box::new(|_| SLIDING.try_acquire().map(drop)))?,
        "future" => each(Box::new(|_| now(async { BUCKET.acquire_async().await.map(drop) })))?,
        "annotated" => each(Box::new(|_| annotated()))?,
        "annotated, a future" => each(Box::new(|_| now(annotated_async())))?,
        "annotated, with a key" => each(Box::new(|number| annotated_keyed(number % 8)))?,
        "refused" => {
            drop(SPENT.charge()?);
            for _ in 0..calls {
                if black_box(SPENT.try_acquire()).is_ok() {
                    return Err("there is room".into());
                }
            }
        }
        _ => return Err(format!("unknown kind of call `{kind}`").into()),
    }
    Ok(())
}

const KINDS: [&str; 10] = [
    "static",
    "made at run time",
    "with a key",
    "with 1,000 keys",
    "sliding window",
    "future",
    "annotated",
    "annotated, a future",
    "annotated, with a key",
    "refused",
];

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    let ended = match words.as_slice() {
        [] => {
            println!("{}", KINDS.join("\n"));
            Ok(())
        }
        [kind, calls] => calls.parse().map_err(Box::from).and_then(|calls| run(kind, calls)),
        _ => Err("usage: instructions [KIND CALLS]".into()),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
