//! What compiles, and what the compiler says of what does not.
//!
//! The messages belong to the pinned toolchain: after a change of it, or of a message, run
//! `TRYBUILD=overwrite cargo test -p rate-limited-tests --test ui` and read the difference.

#[test]
fn ui() {
    let cases = trybuild::TestCases::new();
    cases.pass("ui/pass/*.rs");
    cases.compile_fail("ui/fail/*.rs");
}
