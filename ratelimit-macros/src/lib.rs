//! The attribute of the crate [`rate-limited`](https://docs.rs/rate-limited): use that crate, which re-exports it.
//!
//! `args` reads and checks what the attribute says, `expand` puts a prologue into the function. Neither knows the
//! engine: the expansion names nothing but the facade's `__private`.

mod args;
mod errors;
mod expand;

use proc_macro::TokenStream;

/// Makes a function wait for its turn before it starts.
///
/// The body is entered with a permit or not at all. Where none is to be had within the allowance the function
/// returns the error instead, so it returns `Result<_, E>` where `E: From<rate_limited::Error>` (`io::Error`,
/// `anyhow::Error` and `Box<dyn Error + Send + Sync>` are such), or says with `on_limited` what to return.
///
/// ```text
/// #[rate_limited(bucket = "kitsu", weight = 2, max_delay = "500ms")]
/// async fn anime(id: u32) -> Result<Anime, ApiError> { .. }
/// ```
///
/// An `async fn` awaits its turn, under any executor; any other function blocks its thread, which inside an async
/// runtime is one of the runtime's. That works under the default clock, which has a timer of its own; under `TokioClock`
/// on a current-thread runtime it would hang, since the blocked thread is the one that drives the timer. The permit
/// lives until the function ends.
///
/// `Error::site()` of a refusal is `module::function`; a method's type is not in it.
///
/// # Parameters
///
/// `name = value` pairs in any order, `bucket` or `rate` at least.
///
/// | parameter | value | without it |
/// |---|---|---|
/// | [`bucket`](#bucket) | name, or expression of a bucket or a name | a bucket of the call site's own |
/// | [`key`](#key) | format string, closure over the arguments, expression | all calls are counted together |
/// | [`weight`](#weight) | whole number, closure over the arguments, expression | 1 |
/// | [`max_delay`](#max_delay) | duration, closure over the arguments, expression | the bucket's default |
/// | [`rate`, `burst`](#rate-and-burst) | rate, whole number | the bucket exists already |
/// | [`on_limited`](#on_limited) | function of the error | `Err(error.into())` |
/// | [`registry`](#registry) | expression of a registry | the global one |
/// | [`crate`](#crate) | path | `::rate_limited` |
///
/// At each call `bucket` (after `registry`), `key`, `weight` and `max_delay` are evaluated in this order, each once,
/// before anything is waited for; then the body starts. They see the function's arguments and `self` and borrow
/// them, and the items (`use`, `const`, `fn`) that the body declares. What they hold is gone before the wait: a lock or
/// a `RefCell` borrow in a key never makes a future `!Send`.
///
/// ## `bucket`
///
/// The name of a bucket, or an expression that gives a `Bucket`, a reference to one, a `LazyLock<Bucket>`, or a name
/// (`&str`, `String`). The value is borrowed, never moved. A `static` bucket cannot be misspelt. A `const Bucket` is a
/// mistake: each use of a constant is a new value, whose state is then looked up by its name at each call. So is a
/// constructor written here, as in `bucket = Bucket::named(..)`, which is an error.
///
/// ```text
/// bucket = "kitsu"
/// bucket = GITHUB                        // static GITHUB: Bucket = Bucket::new("github", Rate::per_hour(5000));
/// bucket = Self::BUCKET                  // const BUCKET: &str = "kitsu";
/// bucket = self.bucket
/// ```
///
/// `bucket = [..]` is reserved. For a limit of the whole API beside one of the route stack two attributes (the lower
/// one is asked first, and what it took stays taken when the upper one refuses), or limit all keys of one bucket
/// together by its `total`.
///
/// ## `key`
///
/// Who is counted together inside the bucket: whatever is `Display`. Three ways to say it:
///
/// ```text
/// key = "{user}/{page}"                  // a format string over the arguments
/// key = |channel| channel.id             // a closure: each parameter is the argument of that name, by reference
/// key = self.account                     // any expression
/// ```
///
/// A closure names any of the arguments in any order, and may take them apart as `|&id|` or give them a type. It is
/// given references: of `user: &str`, `|user|` is a `&&str`, which method calls and formatting see through.
/// `self` is no parameter of it, but can be used inside. A tuple is not `Display`: write a format string.
///
/// ## `weight`
///
/// What the call costs: a whole number of at least 1, a closure as for `key`, or an expression of any integer type.
/// A weight of 0 at run time passes for free; a negative one, or one above `u32`, is refused as too heavy.
///
/// ```text
/// weight = 2
/// weight = ids.len()
/// weight = |page| if *page > 3 { 2 } else { 1 }
/// ```
///
/// ## `max_delay`
///
/// The longest wait that the caller accepts: a duration, `"forever"`, or a closure or expression of type `Duration`.
/// A call whose turn comes later is refused at once. Units are `ns us ms s m h d w` and their words.
///
/// ```text
/// max_delay = "500ms"
/// max_delay = "1m30s"
/// max_delay = "0s"                       // never wait
/// max_delay = self.patience
/// ```
///
/// ## `rate` and `burst`
///
/// Declare the bucket in place, when the function is first called: weight per time, a sliding window unless it has a
/// burst. The same name with the same limits elsewhere is the same bucket; with other limits it is an error.
/// Without `bucket` the limit is this function's own. A generic function has one, whatever its types. Errors name it
/// after the place where it stands, but the registry's `get`, `names` and `remove` do not know it.
///
/// ```text
/// bucket = "weather", rate = "60/m"
/// rate = "5/2s"
/// rate = "1/s", burst = 5                // or rate = "1/s burst 5"
/// ```
///
/// Both are literals. A rate that is computed belongs into a `static` of type `LazyLock<Bucket>`, or into a bucket that
/// is registered under its name at start-up.
///
/// ## `on_limited`
///
/// What the function returns when the limiter refuses: a closure or function that is given the error. Errors of the
/// body never come here.
///
/// ```text
/// on_limited = |err| Err(QuoteError::Busy(err.retry_after()))
/// on_limited = |_| None
/// ```
///
/// ## `registry`
///
/// Where names are looked up and rates declared: an expression of type `Registry` or of a reference to one. Where
/// `bucket` is an expression that gives a `Bucket`, it is that bucket, whatever the registry.
///
/// ```text
/// bucket = "kitsu", registry = self.limits
/// ```
///
/// ## `crate`
///
/// Where `rate_limited` is found, for crates that re-export it: an absolute path.
///
/// ```text
/// crate = ::my_sdk::limits
/// ```
///
/// # Functions
///
/// Functions and methods, sync and async, generic or not, with any receiver, in traits with a default body, and
/// under `#[async_trait]` (write this attribute on the method). A function that returns a future is limited where
/// the future runs, if its body ends with an `async` block, alone, in `Box::pin(..)` or with `.boxed()`: what stands
/// before that block runs without a permit when the function is called, and what returns from there never has one.
/// The attribute's expressions then stand in the block too: they are evaluated at its first poll, and see the variables
/// before it, also where these shadow an argument. Returning a future in any other way is an error if the return type
/// says that it is one. Behind an alias or in a type of its own nothing says so: such a function is an ordinary one,
/// which with `on_limited` blocks its caller's thread and holds its permit only until the future is made.
///
/// Recursion takes a permit at each level. Beside `#[cached]` this attribute stands above, so that a hit costs
/// nothing; of `#[instrument]` and this one the lower is outermost.
///
/// Not `const fn`, not functions without a body, not blocks or types: annotate what makes the calls.
#[proc_macro_attribute]
pub fn rate_limited(args: TokenStream, item: TokenStream) -> TokenStream {
    expand::expand(args.into(), &item.into()).into()
}
