//! `on_limited`, and how a refusal is returned without it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says so by panicking")]

use std::io;

use rate_limited::{Bucket, Error, ErrorKind, Rate, rate_limited};
use rate_limited_tests::Log;

fn one() -> Bucket {
    Bucket::named("tests.on_limited", Rate::per_day(1))
}

#[test]
fn any_return_type_will_do() {
    #[rate_limited(bucket = bucket, on_limited = |_| ())]
    fn unit(bucket: &Bucket, runs: &mut u32) {
        *runs += 1;
    }

    #[rate_limited(bucket = bucket, on_limited = |_| None)]
    fn option(bucket: &Bucket) -> Option<u32> {
        Some(1)
    }

    #[rate_limited(bucket = bucket, on_limited = |error| error.kind().as_str().len())]
    async fn number(bucket: &Bucket) -> usize {
        std::future::ready(1).await
    }

    #[rate_limited(bucket = bucket, on_limited = |_| Box::new([].into_iter()))]
    fn coerced(bucket: &Bucket) -> Box<dyn Iterator<Item = u32>> {
        Box::new(std::iter::once(1))
    }

    let (bucket, mut runs) = (one(), 0);
    unit(&bucket, &mut runs);
    unit(&bucket, &mut runs);
    assert_eq!(runs, 1);
    let bucket = one();
    assert_eq!((option(&bucket), option(&bucket)), (Some(1), None));
    let bucket = one();
    let twice = (futures::executor::block_on(number(&bucket)), futures::executor::block_on(number(&bucket)));
    assert_eq!(twice, (1, ErrorKind::Limited.as_str().len()));
    let bucket = one();
    assert_eq!((coerced(&bucket).count(), coerced(&bucket).count()), (1, 0));
}

/// Behind an alias nothing says that the type is a future: the function is limited when it is called.
#[test]
fn a_future_behind_an_alias_is_a_value() {
    type Answer = std::pin::Pin<Box<dyn Future<Output = u32>>>;

    fn answer(number: u32) -> Answer {
        Box::pin(std::future::ready(number))
    }

    #[rate_limited(bucket = bucket, on_limited = |_| answer(0))]
    fn call(bucket: &Bucket) -> Answer {
        answer(1)
    }

    let bucket = one();
    let (first, second) = (call(&bucket), call(&bucket));
    assert_eq!(futures::executor::block_on(second), 0);
    assert_eq!(futures::executor::block_on(first), 1);
}

fn retry_after(error: &Error) -> u64 {
    error.retry_after().unwrap().as_secs()
}

#[test]
fn a_function_will_do() {
    fn give(error: Error) -> Result<u64, String> {
        let text = error.to_string();
        drop(error);
        Err(text)
    }

    #[rate_limited(bucket = bucket, on_limited = give)]
    fn path(bucket: &Bucket) -> Result<u64, String> {
        Ok(0)
    }

    #[rate_limited(bucket = bucket, on_limited = |error| retry_after(&error))]
    fn closure(bucket: &Bucket) -> u64 {
        0
    }

    let bucket = one();
    assert_eq!(path(&bucket).unwrap(), 0);
    assert!(path(&bucket).unwrap_err().contains("tests.on_limited"));
    assert!(closure(&bucket) > 86_000);
}

/// Errors of the body are the caller's, and a granted call does not come near the function.
#[test]
fn it_runs_for_refusals_only() {
    #[rate_limited(bucket = bucket, on_limited = |_| log.note("refused", Err("refused")))]
    fn call(bucket: &Bucket, log: &Log) -> Result<u32, &'static str> {
        log.note("body", Err("own"))
    }

    let (bucket, log) = (one(), Log::default());
    assert_eq!(call(&bucket, &log), Err("own"));
    assert_eq!(log.take(), ["body"]);
    assert_eq!(call(&bucket, &log), Err("refused"));
    assert_eq!(log.take(), ["refused"]);
}

/// It may use, and even move, the arguments that the body would have had.
#[test]
fn it_sees_the_arguments() {
    struct Api {
        bucket: Bucket,
        fallback: String,
    }

    impl Api {
        #[rate_limited(bucket = self.bucket, on_limited = |_| format!("{}{page}", self.fallback))]
        fn borrowed(&self, page: String) -> String {
            page
        }

        #[rate_limited(bucket = self.bucket, on_limited = move |_| (self.fallback, page))]
        fn moved(self, page: String) -> (String, String) {
            (page, self.fallback)
        }
    }

    let api = Api { bucket: one(), fallback: "no ".to_owned() };
    assert_eq!(api.borrowed("page".to_owned()), "page");
    assert_eq!(api.borrowed("page".to_owned()), "no page");
    assert_eq!(api.moved("page".to_owned()), ("no ".to_owned(), "page".to_owned()));
}

#[test]
fn without_it_the_error_is_converted() {
    #[derive(Debug)]
    enum ApiError {
        Limited(Error),
    }

    impl From<Error> for ApiError {
        fn from(error: Error) -> Self {
            ApiError::Limited(error)
        }
    }

    type Answer<T> = Result<T, ApiError>;

    #[rate_limited(bucket = bucket)]
    fn own(bucket: &Bucket) -> Answer<()> {
        Ok(())
    }

    #[rate_limited(bucket = bucket)]
    fn input_output(bucket: &Bucket) -> io::Result<()> {
        Ok(())
    }

    #[rate_limited(bucket = bucket)]
    async fn boxed(
        bucket: &Bucket,
    ) -> Result<impl Iterator<Item = u32> + use<>, Box<dyn std::error::Error + Send + Sync>> {
        std::future::ready(()).await;
        Ok(std::iter::empty())
    }

    let bucket = one();
    own(&bucket).unwrap();
    let ApiError::Limited(error) = own(&bucket).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limited);

    let error = input_output(&bucket).unwrap_err();
    let source = error.get_ref().unwrap().downcast_ref::<Error>().unwrap();
    assert_eq!(source.kind(), ErrorKind::Limited);

    let error = futures::executor::block_on(boxed(&bucket)).err().unwrap();
    assert_eq!(error.downcast_ref::<Error>().unwrap().site(), Some("on_limited::boxed"));
}
