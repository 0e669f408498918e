//! `bucket`: a name, or an expression of a bucket or a name.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says so by panicking")]

use std::sync::{Arc, LazyLock};

use rate_limited::{Bucket, Error, ErrorKind, Rate, Registry, rate_limited};
use rate_limited_tests::{Bench, Log};

/// Two calls pass, and the third is refused by the bucket of that name.
#[track_caller]
fn two_of(name: &str, call: impl Fn() -> Result<(), Error>) {
    call().unwrap();
    call().unwrap();
    let error = call().unwrap_err();
    assert_eq!((error.kind(), error.bucket()), (ErrorKind::Limited, Some(name)));
}

#[test]
fn a_literal_is_looked_up_in_the_global_registry() {
    #[rate_limited(bucket = "tests.literal")]
    fn call() -> Result<(), Error> {
        Ok(())
    }

    let error = call().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnknownBucket);
    assert_eq!(error.site(), Some("bucket::call"));

    // Nothing of a failed look-up is kept.
    Registry::global().register(Bucket::named("tests.literal", Rate::per_day(2))).unwrap();
    two_of("tests.literal", call);
}

#[test]
fn an_unknown_name_is_answered_with_the_nearest() {
    #[rate_limited(bucket = "kitsuu")]
    async fn call() -> Result<(), Error> {
        Ok(())
    }

    let error = futures::executor::block_on(call()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnknownBucket);
    assert!(error.to_string().contains("`kitsu`"), "{error}");
}

#[test]
fn a_static_bucket_is_shared_by_its_call_sites() {
    static BUCKET: Bucket = Bucket::new("tests.static", Rate::per_day(2));

    #[rate_limited(bucket = BUCKET)]
    fn first() -> Result<(), Error> {
        Ok(())
    }

    #[rate_limited(bucket = &BUCKET)]
    fn second() -> Result<(), Error> {
        Ok(())
    }

    #[rate_limited(bucket = "tests.static")]
    fn by_name() -> Result<(), Error> {
        Ok(())
    }

    first().unwrap();
    second().unwrap();
    for refused in [first(), second(), by_name()] {
        assert_eq!(refused.unwrap_err().bucket(), Some("tests.static"));
    }
}

#[test]
fn a_lazy_bucket_is_built_at_the_first_call() {
    static BUCKET: LazyLock<Bucket> = LazyLock::new(|| Bucket::named("tests.lazy", Rate::per_day(2)));

    #[rate_limited(bucket = BUCKET)]
    fn call() -> Result<(), Error> {
        Ok(())
    }

    two_of("tests.lazy", call);
}

#[test]
fn a_const_bucket_works_by_its_name() {
    #[allow(clippy::declare_interior_mutable_const, reason = "the mistake under test")]
    const BUCKET: Bucket = Bucket::new("tests.const", Rate::per_day(2));

    #[rate_limited(bucket = BUCKET)]
    fn call() -> Result<(), Error> {
        Ok(())
    }

    two_of("tests.const", call);
}

#[test]
fn the_bucket_is_borrowed_and_never_moved() {
    #[rate_limited(bucket = bucket)]
    fn call(bucket: Bucket) -> Result<Bucket, Error> {
        Ok(bucket)
    }

    #[rate_limited(bucket = bucket)]
    fn shared(bucket: Arc<Bucket>) -> Result<Arc<Bucket>, Error> {
        Ok(bucket)
    }

    #[rate_limited(bucket = name)]
    fn named(name: String) -> Result<String, Error> {
        Ok(name)
    }

    let bucket = Bucket::named("tests.argument", Rate::per_day(2));
    let bucket = shared(Arc::new(call(bucket).unwrap())).unwrap();
    assert_eq!(shared(bucket).unwrap_err().bucket(), Some("tests.argument"));
    assert_eq!(named("jikann".to_owned()).unwrap_err().kind(), ErrorKind::UnknownBucket);
}

struct Api {
    name: String,
    bucket: Bucket,
}

impl Api {
    const NAME: &str = "tests.api";

    fn bucket(&self) -> &Bucket {
        &self.bucket
    }

    fn make_bucket(&self) -> Bucket {
        self.bucket.clone()
    }

    #[rate_limited(bucket = self.bucket)]
    fn by_field(&self) -> Result<(), Error> {
        Ok(())
    }

    #[rate_limited(bucket = self.bucket())]
    fn by_method(&self) -> Result<(), Error> {
        Ok(())
    }

    #[rate_limited(bucket = self.make_bucket())]
    async fn by_value(&self) -> Result<(), Error> {
        std::future::ready(()).await;
        Ok(())
    }

    #[rate_limited(bucket = if self.name.is_empty() { Self::NAME } else { self.name.as_str() })]
    fn by_if(&self) -> Result<(), Error> {
        Ok(())
    }

    #[rate_limited(bucket = match other { Some(other) => other, None => &self.bucket })]
    fn by_match(&self, other: Option<&Bucket>) -> Result<(), Error> {
        Ok(())
    }
}

#[test]
fn any_expression_will_do() {
    let api = Api { name: String::new(), bucket: Bucket::named("tests.field", Rate::per_day(5)) };
    api.by_field().unwrap();
    api.by_method().unwrap();
    futures::executor::block_on(api.by_value()).unwrap();
    api.by_match(None).unwrap();
    api.by_match(Some(&Bucket::named("tests.other", Rate::per_day(1)))).unwrap();
    api.by_field().unwrap();
    assert_eq!(api.by_match(None).unwrap_err().bucket(), Some("tests.field"));

    assert_eq!(api.by_if().unwrap_err().bucket(), Some("tests.api"));
    Registry::global().register(Bucket::named("tests.api", Rate::per_day(2))).unwrap();
    two_of("tests.api", || api.by_if());
    let other = Api { name: "tests.name".to_owned(), bucket: api.bucket.clone() };
    assert_eq!(other.by_if().unwrap_err().bucket(), Some("tests.name"));
}

/// All instances of a generic function share one static: what it keeps must not leak from one to the other.
#[test]
fn a_name_may_depend_on_the_type() {
    trait Service {
        const NAME: &'static str;

        #[rate_limited(bucket = Self::NAME, registry = bench.registry)]
        fn call(&self, bench: &Bench) -> Result<(), Error> {
            Ok(())
        }
    }
    struct First;
    struct Second;
    impl Service for First {
        const NAME: &'static str = "first";
    }
    impl Service for Second {
        const NAME: &'static str = "second";
    }

    let bench = Bench::new("first", "2/d").unwrap();
    bench.add("second", "2/d").unwrap();
    for _ in 0..2 {
        First.call(&bench).unwrap();
        Second.call(&bench).unwrap();
    }
    assert_eq!(First.call(&bench).unwrap_err().bucket(), Some("first"));
    assert_eq!(Second.call(&bench).unwrap_err().bucket(), Some("second"));
}

#[test]
fn the_expression_is_evaluated_once_a_call() {
    #[rate_limited(bucket = log.note("bucket", bucket))]
    fn call(bucket: &Bucket, log: &Log) -> Result<(), Error> {
        Ok(())
    }

    let (bucket, log) = (Bucket::named("tests.once", Rate::per_day(1)), Log::default());
    call(&bucket, &log).unwrap();
    call(&bucket, &log).unwrap_err();
    assert_eq!(log.take(), ["bucket", "bucket"]);
}

/// Stacked attributes are asked from below, each on its own.
#[test]
fn attributes_stack() {
    #[rate_limited(bucket = "outer", registry = bench.registry)]
    #[rate_limited(bucket = "inner", registry = bench.registry)]
    fn call(bench: &Bench) -> Result<(), Error> {
        Ok(())
    }

    let bench = Bench::new("outer", "2/d").unwrap();
    bench.add("inner", "3/d").unwrap();
    call(&bench).unwrap();
    call(&bench).unwrap();
    assert_eq!(call(&bench).unwrap_err().bucket(), Some("outer"));
    assert_eq!((bench.used_unkeyed("outer").unwrap(), bench.used_unkeyed("inner").unwrap()), (2, 3));
}

macro_rules! endpoint {
    ($name:ident, $literal:literal, $expression:expr) => {
        #[rate_limited(bucket = $literal)]
        fn $name() -> Result<(), Error> {
            Ok(())
        }

        mod by_expression {
            use super::*;

            #[rate_limited(bucket = $expression)]
            pub(crate) fn $name() -> Result<(), Error> {
                Ok(())
            }
        }
    };
}

endpoint!(generated, "tests.generated", "tests.generated");

#[test]
fn macros_hand_names_over() {
    static GENERATED: Bucket = Bucket::new("tests.generated", Rate::per_day(2));
    GENERATED.peek().unwrap();
    generated().unwrap();
    by_expression::generated().unwrap();
    assert_eq!(generated().unwrap_err().kind(), ErrorKind::Limited);
}

#[test]
fn recursion_takes_a_permit_at_each_level() {
    #[rate_limited(bucket = bucket)]
    fn call(bucket: &Bucket, depth: u32) -> Result<u32, Error> {
        if depth == 0 { Ok(0) } else { call(bucket, depth - 1).map(|inner| inner + 1) }
    }

    let bucket = Bucket::named("tests.recursion", Rate::per_day(4));
    assert_eq!(call(&bucket, 2).unwrap(), 2);
    assert_eq!(call(&bucket, 2).unwrap_err().kind(), ErrorKind::Limited);
}
