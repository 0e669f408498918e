//! What the attribute's parameters may give, and what a function may return, with the messages for what they may not.

use std::borrow::Cow;
use std::num::{NonZeroU8, NonZeroU16, NonZeroU32, NonZeroU64, NonZeroUsize};
use std::rc::Rc;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use crate::bucket::Bucket;
use crate::error::Error;
use crate::key::Key;
use crate::time::nanos;

/// `key = ..`.
#[inline]
#[must_use]
pub fn key(key: &(impl AsKey + ?Sized)) -> Option<Key> {
    Some(key.as_key())
}

/// `weight = ..`; `None` is what no weight can be.
#[inline]
#[must_use]
pub fn weight(weight: impl Weight) -> Option<u32> {
    weight.weight()
}

/// `max_delay = ..`, in nanoseconds.
#[inline]
#[must_use]
pub fn max_delay(max_delay: impl MaxDelay) -> Option<u64> {
    Some(max_delay.nanos())
}

/// What `bucket = <expression>` may give: borrowed, never moved.
#[diagnostic::on_unimplemented(
    message = "`bucket` must be a `Bucket` or a name, found `{Self}`",
    label = "not a bucket and not a name",
    note = "give a `Bucket`, a reference to one, a `LazyLock<Bucket>`, or a name as `&str` or `String`",
    note = "put `*` in front of what dereferences to one of these"
)]
pub trait ToBucket {
    #[doc(hidden)]
    fn to_bucket(&self) -> BucketRef<'_>;
}

/// A bucket or its name.
#[derive(Clone, Copy, Debug)]
pub enum BucketRef<'a> {
    /// A handle.
    Handle(&'a Bucket),
    /// A name, to be looked up.
    Name(&'a str),
}

impl ToBucket for Bucket {
    fn to_bucket(&self) -> BucketRef<'_> {
        BucketRef::Handle(self)
    }
}

impl ToBucket for str {
    fn to_bucket(&self) -> BucketRef<'_> {
        BucketRef::Name(self)
    }
}

impl ToBucket for String {
    fn to_bucket(&self) -> BucketRef<'_> {
        BucketRef::Name(self)
    }
}

impl<F: FnOnce() -> Bucket> ToBucket for LazyLock<Bucket, F> {
    fn to_bucket(&self) -> BucketRef<'_> {
        BucketRef::Handle(self)
    }
}

impl<T: ToBucket + ?Sized> ToBucket for &T {
    fn to_bucket(&self) -> BucketRef<'_> {
        (**self).to_bucket()
    }
}

impl<T: ToBucket + ?Sized + ToOwned> ToBucket for Cow<'_, T> {
    fn to_bucket(&self) -> BucketRef<'_> {
        (**self).to_bucket()
    }
}

impl<T: ToBucket + ?Sized> ToBucket for Rc<T> {
    fn to_bucket(&self) -> BucketRef<'_> {
        (**self).to_bucket()
    }
}

impl<T: ToBucket + ?Sized> ToBucket for Arc<T> {
    fn to_bucket(&self) -> BucketRef<'_> {
        (**self).to_bucket()
    }
}

impl<T: ToBucket + ?Sized> ToBucket for Box<T> {
    fn to_bucket(&self) -> BucketRef<'_> {
        (**self).to_bucket()
    }
}

/// What `key = ..` may give.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a key",
    label = "not usable as a key",
    note = "a key is its `Display` text; of several values make one text, as in `key = \"{{user}}/{{page}}\"`",
    note = "give an `Option` a default by `.unwrap_or(..)`, name a field of a struct, or use its `Debug` text: `\"{{user:?}}\"`",
    note = "a type parameter needs `T: Display`"
)]
pub trait AsKey {
    #[doc(hidden)]
    fn as_key(&self) -> Key;
}

#[diagnostic::do_not_recommend]
impl<T: std::fmt::Display + ?Sized> AsKey for T {
    fn as_key(&self) -> Key {
        Key::new(self)
    }
}

/// What `weight = ..` may give: any whole number.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a weight",
    label = "not a whole number",
    note = "weights are whole numbers, as in `ids.len()` or `cost.ceil() as u32`",
    note = "one below zero or above `u32::MAX` is refused as `TooHeavy`"
)]
pub trait Weight: Copy {
    #[doc(hidden)]
    fn weight(self) -> Option<u32>;
}

macro_rules! whole_numbers {
    ($($number:ty)*) => {
        $(impl Weight for $number {
            fn weight(self) -> Option<u32> {
                u32::try_from(self).ok()
            }
        })*
    };
}

whole_numbers!(u8 u16 u32 u64 u128 usize i8 i16 i32 i64 i128 isize);

macro_rules! whole_numbers_but_zero {
    ($($number:ty)*) => {
        $(impl Weight for $number {
            fn weight(self) -> Option<u32> {
                u32::try_from(self.get()).ok()
            }
        })*
    };
}

whole_numbers_but_zero!(NonZeroU8 NonZeroU16 NonZeroU32 NonZeroU64 NonZeroUsize);

#[diagnostic::do_not_recommend]
impl<T: Weight> Weight for &T {
    fn weight(self) -> Option<u32> {
        (*self).weight()
    }
}

/// What `max_delay = ..` may give.
#[diagnostic::on_unimplemented(
    message = "`max_delay` must be a `Duration`, found `{Self}`",
    label = "not a `Duration`",
    note = "write it as in `Duration::from_millis(500)`; give an `Option` a default, as in `.unwrap_or(Duration::ZERO)`"
)]
pub trait MaxDelay {
    #[doc(hidden)]
    fn nanos(self) -> u64;
}

impl MaxDelay for Duration {
    fn nanos(self) -> u64 {
        nanos(self)
    }
}

#[diagnostic::do_not_recommend]
impl<T: MaxDelay + Copy> MaxDelay for &T {
    fn nanos(self) -> u64 {
        (*self).nanos()
    }
}

/// Runs a closure of the user's on the arguments it names: through a function, its parameters' types are inferred and
/// its `return` and `?` stay inside.
pub fn apply<A, R>(arguments: A, closure: impl FnOnce(A) -> R) -> R {
    closure(arguments)
}

/// How an annotated function's return type carries a refusal.
#[diagnostic::on_unimplemented(
    message = "`#[rate_limited]` cannot report a refused call through the return type `{Self}`",
    label = "must be `Result<_, E>` where `E: From<rate_limited::Error>`",
    note = "implement `From<rate_limited::Error>` for the error type; a type parameter needs `E: From<rate_limited::Error>`",
    note = "without a `From`, say what to return, as in `on_limited = |error| Err(error.to_string())`",
    note = "if this function returns a future, make it an `async fn`"
)]
pub trait FromLimited {
    #[doc(hidden)]
    fn from_limited(error: Error) -> Self;
}

#[diagnostic::do_not_recommend]
impl<T, E: From<Error>> FromLimited for Result<T, E> {
    fn from_limited(error: Error) -> Self {
        Err(error.into())
    }
}
