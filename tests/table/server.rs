//! What a server answers to the calls of one test, and how often somebody looked.

use std::cell::RefCell;

use rate_limited::feedback::Feedback;

/// Goes along with a call to the thread where it runs.
#[derive(Clone, Debug, Default)]
pub struct Server {
    /// To each call.
    pub says: Option<Feedback>,
    /// How many answers were read.
    pub read: usize,
}

thread_local! {
    static SERVER: RefCell<Server> = RefCell::default();
}

impl Server {
    /// That of this thread.
    #[must_use]
    pub fn here() -> Self {
        SERVER.with_borrow(Server::clone)
    }

    /// Makes it that of this thread.
    pub fn stand_here(self) {
        SERVER.set(self);
    }
}

/// `feedback = |_| answer()`
#[must_use]
pub fn answer() -> Option<Feedback> {
    SERVER.with_borrow_mut(|server| {
        server.read += 1;
        server.says.clone()
    })
}
