//! What the compiler says of what does not compile. What does compile is in `pass/`, in crates of its own.
//!
//! The messages belong to the pinned toolchain: after a change of it, or of a message, run
//! `TRYBUILD=overwrite cargo test -p rate-limited-tests --test ui` and read the difference.

#![allow(clippy::panic, reason = "a test says so by panicking")]

#[test]
fn ui() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("ui/fail/*.rs");
}

/// What the compiler says of a body is the same, line by line, whether its function is annotated or not.
#[test]
fn mistakes_in_bodies_read_as_if_there_were_no_attribute() {
    for name in ["body_types", "body_borrows", "body_lints"] {
        let read = |twin: &str, extension: &str| {
            let path = format!("{}/ui/fail/{name}_{twin}.{extension}", env!("CARGO_MANIFEST_DIR"));
            std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
        };
        let attribute = "#[rate_limited::rate_limited(bucket = \"kitsu\")]";
        let sources = (read("annotated", "rs"), read("plain", "rs"));
        assert!(sources.0.matches(attribute).count() >= 4, "{name}");
        assert_eq!(sources.0.replace(attribute, "//"), sources.1, "{name}");

        let said = (read("annotated", "stderr"), read("plain", "stderr"));
        assert_eq!(said.0.replace("_annotated.rs", "_plain.rs"), said.1, "{name}");
    }
}
