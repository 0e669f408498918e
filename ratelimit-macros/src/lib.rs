//! The attribute of the crate [`rate-limited`](https://docs.rs/rate-limited): use that crate, which re-exports it.
//!
//! `args` reads and checks what the attribute says, `expand` puts a prologue into the function, and what reads an answer
//! around its body where that is asked for. Neither knows the
//! engine: the expansion names nothing but the facade's `__private`.

mod args;
mod errors;
mod expand;

use proc_macro::TokenStream;

/// A body starts with a permit or not at all.
///
/// Where no permit is to be had within the allowance the function returns the error instead, so it returns
/// `Result<_, E>` where `E: From<rate_limited::Error>` (`io::Error`, `anyhow::Error` and
/// `Box<dyn Error + Send + Sync>` are such), or says with `on_limited` what to return. The permit lives until the
/// function ends.
///
/// # Parameters
///
/// `name = value` pairs in any order, each at most once, `bucket` or `rate` at least; `feedback` also without a value.
///
/// | parameter | value | without it |
/// |---|---|---|
/// | `bucket` | name, or expression of a bucket or a name | a bucket of the call site's own |
/// | `key` | format string, closure over the arguments, expression | all calls are counted together |
/// | `weight` | whole number, closure over the arguments, expression | 1 |
/// | `max_delay` | duration, closure over the arguments, expression | the bucket's default |
/// | `rate`, `burst` | rate, whole number | the bucket exists already |
/// | `on_limited` | function of the error | `Err(error.into())` |
/// | `permit` | new variable name | the permit has no name in the body |
/// | `feedback` | none, or function of what is returned | nobody tells the bucket what the server said |
/// | `registry` | expression of a registry | the global one |
/// | `crate` | path | `::rate_limited` |
///
/// At each call `registry`, `bucket`, `key`, `weight` and `max_delay` are evaluated in this order, each once, before
/// anything is waited for; then the body starts. They see the function's arguments and `self`, and borrow them. What
/// they hold is gone before the wait.
///
/// The body stays as it is, unless `feedback` is written: then it runs inside a closure, or an `async` block, so that every
/// way in which it ends comes by the reading of what it gives. Return type, `?`, `impl Trait` and `Send` stay what they
/// were; only `#[track_caller]` is lost, which is an error.
///
/// # Functions
///
/// Functions and methods, sync and async, generic or not, with any receiver, in traits with a default body, and
/// under `#[async_trait]`. An `async fn` awaits its turn, under any executor; any other function blocks its thread. A
/// function that returns a future is limited where the future runs, if its body ends with an `async` block.
///
/// Not `const fn`, not functions without a body, not blocks or types: annotate what makes the calls.
///
/// # Cost
///
/// At run time no more than the same acquire written by hand (`cargo xtask bench`). A granted call allocates nothing,
/// with a key that is known and has at most 38 bytes, or without one; one that waits allocates its place in line. A
/// future grows by at most 128 bytes; an argument that is used up before the body's first `.await` is kept twice, as
/// behind any `.await` in front of its use.
///
/// Where `feedback` is written, or the bucket has learned from its server, a call is kept in mind until it ends: that
/// takes the bucket's lock, and two small allocations. With `feedback` a future keeps its arguments twice, once for the
/// block that the body is in.
///
/// For the compiler, `cargo check` of 300 `async fn` in chains, a third of them with `key`, `weight` and `max_delay`,
/// against the same without an attribute and with `#[tracing::instrument]` (`cargo xtask compile-cost`):
///
/// ```text
/// plain=1.63 instrument=0.39 future_bytes=+102
/// ```
#[proc_macro_attribute]
pub fn rate_limited(args: TokenStream, item: TokenStream) -> TokenStream {
    expand::expand(args.into(), &item.into()).into()
}
