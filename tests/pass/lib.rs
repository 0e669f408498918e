//! Every form of function that can be annotated, one a file, named after the form it shows, and called.
//!
//! They compile in the editions 2021 and 2024 under lints that most crates never turn on. What a file silences is a
//! lint about the form itself, which would be told without the attribute too; one about the expansion is a bug of it.

#![forbid(unsafe_code, future_incompatible, keyword_idents)]
#![deny(
    warnings,
    missing_docs,
    nonstandard_style,
    rust_2018_idioms,
    rust_2021_compatibility,
    rust_2024_compatibility,
    unused,
    ambiguous_negative_literals,
    closure_returning_async_block,
    explicit_outlives_requirements,
    ffi_unwind_calls,
    impl_trait_redundant_captures,
    let_underscore_drop,
    macro_use_extern_crate,
    meta_variable_misuse,
    missing_abi,
    missing_debug_implementations,
    non_ascii_idents,
    redundant_lifetimes,
    single_use_lifetimes,
    trivial_casts,
    trivial_numeric_casts,
    unit_bindings,
    unreachable_pub,
    unused_extern_crates,
    unused_import_braces,
    unused_lifetimes,
    unused_macro_rules,
    unused_qualifications,
    unused_results,
    variant_size_differences
)]
#![deny(clippy::all, clippy::pedantic, clippy::nursery)]
#![allow(clippy::missing_errors_doc, reason = "what is refused is the same for all of them")]
// Lints for migration alone.
#![allow(edition_2024_expr_fragment_specifier, reason = "`$x:expr` is what macros of both editions say")]
#![allow(
    tail_expr_drop_order,
    reason = "in 2021 what the last expression borrows outlives every variable, the permit too"
)]

#[cfg(test)]
use std::future::Future;

#[cfg(test)]
use rate_limited::{Bucket, Outlook, RateOutlook};

pub mod all_parameters;
pub mod anyhow_error;
pub mod argument_attributes;
pub mod argument_moved_by_body;
pub mod associated_fn;
pub mod async_fn;
pub mod async_trait_default;
pub mod async_trait_impl;
pub mod attributes_in_any_order;
pub mod blanket_impl;
pub mod box_future_by_method;
pub mod boxed_error;
pub mod boxed_future;
pub mod boxed_future_with_statements_before;
pub mod bucket_argument;
pub mod bucket_const_name;
pub mod bucket_field;
pub mod bucket_if_expression;
pub mod bucket_lazy_lock;
pub mod bucket_literal;
pub mod bucket_method_call;
pub mod bucket_place;
pub mod bucket_self_const;
pub mod bucket_static;
pub mod cfg_attr;
pub mod coerced_closure;
pub mod const_generics;
pub mod crate_path;
pub mod deprecated;
pub mod dyn_trait;
pub mod early_return;
pub mod empty_body;
pub mod expect_attribute;
pub mod extern_c_fn;
pub mod feedback_alone;
pub mod feedback_closure;
pub mod feedback_in_a_future;
pub mod feedback_of_each;
pub mod forbidden_lints;
pub mod future_behind_an_alias;
pub mod future_inside_another_type;
pub mod future_with_on_limited;
pub mod generic_trait;
pub mod generic_type;
pub mod generics;
pub mod hygiene_of_locals;
pub mod hygiene_of_names;
pub mod hygiene_of_types;
pub mod impl_future;
pub mod impl_trait_argument;
pub mod inner_attributes;
pub mod io_error;
pub mod key_block;
pub mod key_closure;
pub mod key_closure_of_self;
pub mod key_closure_patterns;
pub mod key_closure_subset;
pub mod key_expression;
pub mod key_format_string;
pub mod key_long;
pub mod key_place;
pub mod leading_expressions;
pub mod leading_items;
pub mod lifetimes_elided;
pub mod lifetimes_explicit;
pub mod macro_rules_body;
pub mod macro_rules_literal;
pub mod macro_rules_made;
pub mod macro_rules_own_literal;
pub mod max_delay_closure;
pub mod max_delay_expression;
pub mod max_delay_forever;
pub mod max_delay_literal;
pub mod max_delay_reference;
pub mod max_delay_zero;
pub mod mutable_reborrow;
pub mod nested_fn;
pub mod no_implicit_prelude;
pub mod on_limited_closure;
pub mod on_limited_path;
pub mod on_limited_sees_arguments;
pub mod on_limited_shadowed;
pub mod own_error;
pub mod path_form;
pub mod pattern_bindings;
pub mod pattern_slice;
pub mod pattern_struct;
pub mod pattern_tuple;
pub mod permit_bound;
pub mod permit_in_a_future;
pub mod permit_of_each;
pub mod permit_returned;
pub mod places_and_labels;
pub mod plain;
pub mod precise_capturing;
pub mod rate_alone;
pub mod rate_and_burst;
pub mod rate_fixed;
pub mod rate_with_bucket;
pub mod raw_identifiers;
pub mod recursion;
pub mod recursion_async_boxed;
pub mod registry_field;
pub mod registry_global;
pub mod registry_place;
pub mod result_alias;
pub mod result_impl_trait;
pub mod returned_borrow;
pub mod returns_iterator;
pub mod returns_never;
pub mod returns_option;
pub mod returns_stream;
pub mod returns_unit;
pub mod returns_value;
pub mod rpitit_implemented_by_a_block;
pub mod rpitit_implemented_by_async_fn;
pub mod self_by_arc;
pub mod self_by_box;
pub mod self_by_mut;
pub mod self_by_pin;
pub mod self_by_rc;
pub mod self_by_ref;
pub mod self_by_type;
pub mod self_by_value;
pub mod send_closures;
pub mod send_expressions;
pub mod send_guards;
pub mod shadowed_result;
pub mod stacked;
pub mod track_caller;
pub mod trait_default_async;
pub mod trait_default_sync;
pub mod trait_impl_async;
pub mod trait_impl_sync;
pub mod visibility;
pub mod weight_closure;
pub mod weight_expression;
pub mod weight_expression_branches;
pub mod weight_literal;
pub mod weight_non_zero;
pub mod weight_zero_at_run_time;

/// Runs a future.
#[cfg(test)]
fn run<F: Future>(future: F) -> F::Output {
    futures::executor::block_on(future)
}

/// Compiles if the value can go to another thread.
#[cfg(test)]
const fn send<T: Send>(value: T) -> T {
    value
}

/// How much weight a bucket of one rate counts.
#[cfg(test)]
fn used(bucket: &Bucket) -> u32 {
    bucket.peek().map_or(u32::MAX, |outlook| first(&outlook))
}

/// How much weight it counts for a key.
#[cfg(test)]
fn used_by(bucket: &Bucket, key: &str) -> u32 {
    bucket.request().key(key).peek().map_or(u32::MAX, |outlook| first(&outlook))
}

#[cfg(test)]
fn first(outlook: &Outlook) -> u32 {
    outlook.rates().first().map_or(u32::MAX, RateOutlook::used)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::{fs, io};

    /// A file that nobody lists is a form that nobody compiles.
    #[test]
    fn every_file_is_listed() -> io::Result<()> {
        let mut files = BTreeSet::new();
        // The crate of the other edition reads them from here too.
        for file in fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../pass"))? {
            let path = file?.path();
            if path.extension().is_some_and(|extension| extension == "rs") {
                files.extend(path.file_stem().map(|stem| stem.to_string_lossy().into_owned()));
            }
        }
        assert!(files.remove("lib"));
        let listed: BTreeSet<String> = include_str!("lib.rs")
            .lines()
            .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'))
            .map(str::to_owned)
            .collect();
        assert_eq!(listed, files);
        assert!(listed.len() >= 60, "{}", listed.len());
        Ok(())
    }
}
