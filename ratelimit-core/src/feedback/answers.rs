//! The answers of `http` and `reqwest`, read when they are asked.

use http::{HeaderMap, Response, StatusCode};

use super::{Feedback, ServerFeedback};
use crate::clock;

/// Read off its status and headers; the body is left alone.
impl<B> ServerFeedback for Response<B> {
    fn feedback(&self) -> Option<Feedback> {
        (self.status(), self.headers()).feedback()
    }
}

/// For what is no `Response`: a client's own type, or an answer whose body is gone already.
impl ServerFeedback for (StatusCode, &HeaderMap) {
    fn feedback(&self) -> Option<Feedback> {
        let (status, headers) = self;
        Feedback::from_headers(status.as_u16(), *headers, clock::wall())
    }
}

/// Read off its status and headers; the body is left alone.
#[cfg(feature = "reqwest")]
impl ServerFeedback for reqwest::Response {
    fn feedback(&self) -> Option<Feedback> {
        (self.status(), self.headers()).feedback()
    }
}

/// Of an error only the status is known: that a call was rejected, and not for how long.
///
/// Ask the answer before `error_for_status` makes an error of it.
#[cfg(feature = "reqwest")]
impl ServerFeedback for reqwest::Error {
    fn feedback(&self) -> Option<Feedback> {
        (self.status()?, &HeaderMap::new()).feedback()
    }
}
