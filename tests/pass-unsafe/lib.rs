//! The forms of function that say `unsafe`: the head of a function is passed on as it is.

#![forbid(future_incompatible, keyword_idents)]
#![deny(
    warnings,
    missing_docs,
    nonstandard_style,
    rust_2018_idioms,
    unused,
    ffi_unwind_calls,
    let_underscore_drop,
    missing_debug_implementations,
    trivial_casts,
    trivial_numeric_casts,
    unit_bindings,
    unreachable_pub,
    unsafe_op_in_unsafe_fn,
    unsafe_attr_outside_unsafe,
    unused_lifetimes,
    unused_qualifications,
    unused_results
)]
#![deny(clippy::all, clippy::pedantic, clippy::nursery)]
#![allow(clippy::missing_errors_doc, reason = "what is refused is the same for all of them")]

pub mod async_unsafe_fn;
pub mod unsafe_blocks;
pub mod unsafe_fn;
pub mod unsafe_items;
pub mod unsafe_linkage;
pub mod unsafe_methods;

/// How much weight a bucket of one rate counts.
#[cfg(test)]
fn used(bucket: &rate_limited::Bucket) -> u32 {
    let outlook = bucket.peek();
    outlook.map_or(u32::MAX, |outlook| outlook.rates().iter().map(rate_limited::RateOutlook::used).sum())
}
