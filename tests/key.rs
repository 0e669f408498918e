//! `key`: closures over the arguments by name, expressions, format strings.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says so by panicking")]

use std::cell::{Cell, RefCell};
use std::fmt::{self, Display};
use std::sync::Mutex;

use rate_limited::{Bucket, Error, Rate, rate_limited};

fn bucket() -> Bucket {
    Bucket::named("tests.key", Rate::per_day(1))
}

/// Exhausts the key's rate with one call, which the caller's own state must show: the key is the `Display` text.
#[track_caller]
fn takes(bucket: &Bucket, key: &str, call: impl Fn() -> Result<(), Error>) {
    call().unwrap();
    let error = call().unwrap_err();
    assert_eq!(error.key(), Some(key));
    assert!(bucket.request().key(key).try_acquire().is_err(), "another key than `{key}`");
    assert!(bucket.request().key(format!("{key}!")).peek().unwrap().wait().unwrap().is_zero());
}

struct User {
    id: u32,
}

impl Display for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "user {}", self.id)
    }
}

#[test]
fn an_expression_is_borrowed() {
    #[rate_limited(bucket = bucket, key = user)]
    fn whole(bucket: &Bucket, user: User) -> Result<User, Error> {
        Ok(user)
    }

    #[rate_limited(bucket = bucket, key = user.id + 1)]
    fn computed(bucket: &Bucket, user: &User) -> Result<(), Error> {
        Ok(())
    }

    #[rate_limited(bucket = bucket, key = if user.id == 0 { "nobody" } else { "somebody" })]
    fn branched(bucket: &Bucket, user: &User) -> Result<(), Error> {
        Ok(())
    }

    #[rate_limited(bucket = bucket, key = -i64::from(id))]
    fn negated(bucket: &Bucket, id: u32) -> Result<(), Error> {
        Ok(())
    }

    let all = bucket();
    takes(&all, "user 1", || whole(&all, User { id: 1 }).map(drop));
    takes(&all, "3", || computed(&all, &User { id: 2 }));
    takes(&all, "nobody", || branched(&all, &User { id: 0 }));
    takes(&all, "-65", || negated(&all, 65));
}

#[test]
fn a_closure_names_any_arguments_in_any_order() {
    #[rate_limited(bucket = bucket, key = |user| user.id)]
    fn one(bucket: &Bucket, user: User, page: u32) -> Result<(User, u32), Error> {
        Ok((user, page))
    }

    #[rate_limited(bucket = bucket, key = |page, user| format!("{page}:{user}"))]
    fn reordered(bucket: &Bucket, user: &User, page: u32) -> Result<(), Error> {
        Ok(())
    }

    #[rate_limited(bucket = bucket, key = |&page| page + 1)]
    fn taken_apart(bucket: &Bucket, page: u32) -> Result<(), Error> {
        Ok(())
    }

    #[rate_limited(bucket = bucket, key = |page: &u32, user| -> u32 { *page + user.id })]
    fn typed(bucket: &Bucket, user: &User, page: u32) -> Result<(), Error> {
        Ok(())
    }

    #[rate_limited(bucket = bucket, key = || page * 100)]
    fn captured(bucket: &Bucket, page: u32) -> Result<(), Error> {
        Ok(())
    }

    #[rate_limited(bucket = bucket, key = move |page| page.clone())]
    fn moving(bucket: &Bucket, page: String) -> Result<String, Error> {
        Ok(page)
    }

    #[rate_limited(bucket = bucket, key = |r#type| format!("{}", r#type))]
    fn raw(bucket: &Bucket, r#type: &str) -> Result<(), Error> {
        Ok(())
    }

    let all = bucket();
    takes(&all, "1", || one(&all, User { id: 1 }, 9).map(drop));
    takes(&all, "3:user 2", || reordered(&all, &User { id: 2 }, 3));
    takes(&all, "12", || taken_apart(&all, 11));
    takes(&all, "30", || typed(&all, &User { id: 20 }, 10));
    takes(&all, "500", || captured(&all, 5));
    takes(&all, "first", || moving(&all, "first".to_owned()).map(drop));
    takes(&all, "anime", || raw(&all, "anime"));
}

struct Point {
    x: u32,
    y: (u32, u32),
}

#[test]
fn what_patterns_bind_can_be_named() {
    #[rate_limited(bucket = bucket, key = |a, z, x| format!("{a}{x}{z}"))]
    fn patterns(
        bucket: &Bucket,
        (a, _): (u32, u32),
        Point { x, y: (_, z) }: Point,
        [_, b]: [u32; 2],
    ) -> Result<(), Error> {
        let _ = b;
        Ok(())
    }

    #[rate_limited(bucket = bucket, key = "{a}/{b}/{whole:?}")]
    fn in_strings(
        bucket: &Bucket,
        (a, mut b): (u32, u32),
        whole @ (None | Some(_)): Option<u32>,
    ) -> Result<u32, Error> {
        b += a;
        Ok(b)
    }

    let all = bucket();
    takes(&all, "135", || patterns(&all, (1, 2), Point { x: 3, y: (4, 5) }, [6, 7]));
    takes(&all, "1/2/Some(3)", || in_strings(&all, (1, 2), Some(3)).map(drop));
}

struct Api {
    account: String,
    bucket: Bucket,
}

impl Api {
    const REGION: &str = "eu";

    #[rate_limited(bucket = self.bucket, key = self.account)]
    fn field(&self) -> Result<(), Error> {
        Ok(())
    }

    #[rate_limited(bucket = self.bucket, key = |page| format!("{}/{page}", self.account))]
    async fn in_a_closure(&self, page: u32) -> Result<(), Error> {
        std::future::ready(()).await;
        Ok(())
    }

    #[rate_limited(bucket = self.bucket, key = Self::REGION)]
    fn constant(&self) -> Result<(), Error> {
        Ok(())
    }
}

#[test]
fn self_can_be_used() {
    let api = Api { account: "me".to_owned(), bucket: bucket() };
    takes(&api.bucket, "me", || api.field());
    takes(&api.bucket, "me/4", || futures::executor::block_on(api.in_a_closure(4)));
    takes(&api.bucket, "eu", || api.constant());
}

#[test]
fn a_string_is_a_format_string() {
    const PREFIX: &str = "v1";

    #[rate_limited(bucket = bucket, key = "{user}/{page}")]
    fn plain(bucket: &Bucket, user: &User, page: u32) -> Result<(), Error> {
        Ok(())
    }

    #[rate_limited(bucket = bucket, key = r"{{{page:>0width$}}} {page:#x} {name:?}")]
    fn specified(bucket: &Bucket, page: u32, width: usize, name: &str) -> Result<(), Error> {
        Ok(())
    }

    #[rate_limited(bucket = bucket, key = "{PREFIX}/{page}")]
    fn constant(bucket: &Bucket, page: u32) -> Result<(), Error> {
        Ok(())
    }

    #[rate_limited(bucket = bucket, key = "{user}")]
    async fn owned<T: Display + Send>(bucket: &Bucket, user: T) -> Result<T, Error> {
        std::future::ready(()).await;
        Ok(user)
    }

    let all = bucket();
    takes(&all, "user 1/2", || plain(&all, &User { id: 1 }, 2));
    takes(&all, "{003} 0x3 \"x\"", || specified(&all, 3, 3, "x"));
    takes(&all, "v1/7", || constant(&all, 7));
    takes(&all, "user 5", || futures::executor::block_on(owned(&all, User { id: 5 })).map(drop));
}

/// Inside `macro_rules` the string and the arguments may come from different places.
#[test]
fn a_string_finds_the_arguments_of_its_function() {
    macro_rules! limited {
        ($name:ident, $key:literal) => {
            #[rate_limited(bucket = bucket, key = $key)]
            fn $name(bucket: &Bucket, user: u32, width: usize) -> Result<(), Error> {
                Ok(())
            }
        };
    }
    limited!(call, "{user:>width$}/{user}");

    let all = bucket();
    takes(&all, " 7/7", || call(&all, 7, 2));
}

/// Its attribute is evaluated where the future starts.
#[test]
fn a_returned_future_sees_what_stands_before_it() {
    #[rate_limited(bucket = bucket, key = "{user}")]
    fn call(bucket: &Bucket, user: u32) -> impl Future<Output = Result<(), Error>> {
        let user = user + 1;
        async move { Ok(()) }
    }

    let all = bucket();
    takes(&all, "2", || futures::executor::block_on(call(&all, 1)));
}

impl Display for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.account)
    }
}

impl Api {
    #[rate_limited(bucket = self.bucket, key = "{self}-{page}")]
    fn in_a_string(&self, page: u32) -> Result<(), Error> {
        Ok(())
    }
}

#[test]
fn self_can_stand_in_a_string() {
    let api = Api { account: "me".to_owned(), bucket: bucket() };
    takes(&api.bucket, "me-1", || api.in_a_string(1));
}

/// What a key holds while it is computed is gone before the wait: the futures stay `Send`, and a lock is free again.
#[test]
fn a_key_holds_nothing_over_the_wait() {
    #[rate_limited(bucket = bucket, key = name.lock().unwrap(), weight = *RefCell::new(1_u32).borrow())]
    async fn locked(bucket: &Bucket, name: &Mutex<String>) -> Result<(), Error> {
        std::future::ready(()).await;
        assert!(name.try_lock().is_ok());
        Ok(())
    }

    #[rate_limited(bucket = bucket, key = |cell| cell.get())]
    async fn cell(bucket: &Bucket, cell: Cell<u32>) -> Result<u32, Error> {
        std::future::ready(()).await;
        Ok(cell.get())
    }

    fn is_send<T: Send>(value: T) -> T {
        value
    }

    let all = bucket();
    let name = Mutex::new("locked".to_owned());
    takes(&all, "locked", || futures::executor::block_on(is_send(locked(&all, &name))));
    takes(&all, "8", || futures::executor::block_on(is_send(cell(&all, Cell::new(8)))).map(drop));
}

macro_rules! keyed {
    ($name:ident, $argument:ident, $key:expr, $string:literal) => {
        mod $name {
            use super::{Bucket, Error, rate_limited};

            #[rate_limited(bucket = bucket, key = $key)]
            pub(super) fn by_expression(bucket: &Bucket, $argument: u32) -> Result<(), Error> {
                Ok(())
            }

            #[rate_limited(bucket = bucket, key = $string)]
            pub(super) fn by_string(bucket: &Bucket, $argument: u32) -> Result<(), Error> {
                Ok(())
            }

            #[rate_limited(bucket = bucket, key = |$argument| $argument + 2)]
            pub(super) fn by_closure(bucket: &Bucket, $argument: u32) -> Result<(), Error> {
                Ok(())
            }
        }
    };
}

keyed!(generated, page, page + 1, "{page}");

#[test]
fn macros_hand_keys_over() {
    let all = bucket();
    takes(&all, "11", || generated::by_expression(&all, 10));
    takes(&all, "10", || generated::by_string(&all, 10));
    takes(&all, "12", || generated::by_closure(&all, 10));
}

/// `return` and `?` of a closure are the closure's own.
#[test]
fn a_closure_keeps_its_control_flow_to_itself() {
    #[rate_limited(bucket = bucket, key = |text| { if text.is_empty() { return "none"; } text })]
    fn early(bucket: &Bucket, text: &'static str) -> Result<(), Error> {
        Ok(())
    }

    let all = bucket();
    takes(&all, "none", || early(&all, ""));
    takes(&all, "some", || early(&all, "some"));
}

#[test]
fn no_key_is_an_entry_of_its_own() {
    #[rate_limited(bucket = bucket)]
    fn call(bucket: &Bucket) -> Result<(), Error> {
        Ok(())
    }

    let all = bucket();
    drop(all.request().key("").try_acquire().unwrap());
    call(&all).unwrap();
    assert_eq!(call(&all).unwrap_err().key(), None);
}
