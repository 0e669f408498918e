//! What threads meet at: the standard library's, or where the models run the engine shuttle's, which decides at each of
//! them who goes on.
//!
//! Everything that threads may wait for or change for each other comes from here. `Arc` and cells that are filled once
//! are the standard library's everywhere: nobody waits at them for what another thread does.

#[cfg(not(shuttle))]
pub(crate) use std::sync::{Condvar, Mutex, MutexGuard, RwLock, atomic};
#[cfg(not(shuttle))]
pub(crate) use std::{thread, thread_local};

#[cfg(shuttle)]
pub(crate) use shuttle::sync::{Condvar, Mutex, MutexGuard, RwLock, atomic};
#[cfg(shuttle)]
pub(crate) use shuttle::{thread, thread_local};
