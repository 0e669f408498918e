//! `feedback`: what a function gives is looked at before it is given.

use std::fmt;
use std::marker::PhantomData;

use crate::error::Error;
use crate::feedback::{Feedback, ServerFeedback};
use crate::permit::Permit;

/// The type of what an annotated function gives.
///
/// Nobody writes it down, as not every type can be written twice: it is that of a `return` of [`nothing`](Given::nothing),
/// which never happens. So what a closure or a block of the function's body gives is read with that type in view.
pub struct Given<T>(PhantomData<fn() -> T>);

impl<T> Given<T> {
    /// Of whatever is returned first.
    #[inline]
    #[must_use]
    #[expect(clippy::new_without_default, reason = "only the expansion makes one")]
    pub const fn new() -> Self {
        Given(PhantomData)
    }

    /// `None`.
    #[inline]
    #[must_use]
    pub const fn nothing(self) -> Option<T> {
        None
    }

    /// Runs the function's body. Through a function it is known to run once, so that what it borrows may leave it.
    #[inline]
    pub fn call(self, body: impl FnOnce() -> T) -> T {
        body()
    }
}

impl<T> Clone for Given<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Given<T> {}

impl<T> fmt::Debug for Given<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Given")
    }
}

/// Nothing: no server was asked.
impl ServerFeedback for Error {
    fn feedback(&self) -> Option<Feedback> {
        None
    }
}

/// `feedback`: tells what the function gave of the server's limits.
#[inline]
pub fn observe(permit: &Permit, given: &(impl ServerFeedback + ?Sized)) {
    permit.observe(&given);
}

/// `feedback = <closure>`: tells what is made of what the function gave. That may borrow from it.
#[inline]
pub fn observe_by<'a, T: ?Sized, F: ServerFeedback>(
    permit: &Permit,
    given: &'a T,
    read: impl FnOnce(&'a T) -> F,
) {
    permit.observe(&read(given));
}
