//! Of values.

use super::{mistake, mistakes};

#[test]
fn a_wrong_value_says_what_it_found() {
    for (value, found) in [
        ("b\"a\"", "a byte string"),
        ("c\"a\"", "a C string"),
        ("b'a'", "a byte"),
        ("'a'", "a character"),
        ("1", "an integer"),
        ("-1", "an integer"),
        ("1.5", "a float"),
        ("true", "a bool"),
    ] {
        mistake(&format!("bucket = {value}"), &format!("found {found}"), value);
    }
}

#[test]
fn a_bucket_made_on_the_spot_is_an_error() {
    for value in [
        "Bucket::new(\"a\", Rate::per_day(1))",
        "&rate_limited::Bucket::named(name, rate)",
        "::rate_limited::Bucket::unlimited(\"a\")",
        "(Bucket::learned(\"a\").and(r)).guard(g)",
        "Bucket::learned(\"a\").remember(d).max_pause(d).server_names(false)",
        "Bucket::with_policy(\"a\", P)",
    ] {
        let said = "this makes a new bucket at every call; put it in a `static` or a field";
        mistake(&format!("bucket = {value}"), said, value);
    }
    for value in [
        "Bucket::of(user)",
        "my::named(user)",
        "self.bucket.clone()",
        "Bucket::new(n, r).name()",
        "Buckets::new()",
    ] {
        assert!(mistakes(&format!("bucket = {value}")).is_empty(), "{value}");
    }
}

#[test]
fn a_permit_is_a_new_variable() {
    for (value, found) in [
        ("\"p\"", "a string; remove the quotes, as in `permit = p`"),
        ("\"my permit\"", "a string; remove the quotes, as in `permit = permit`"),
        ("_", "`_`; write a name, or leave `permit` out"),
        ("self", "`self`; write a name, as in `permit = permit`"),
        ("Self", "`Self`; write a name, as in `permit = permit`"),
        ("self::p", "a path; write a name, as in `permit = permit`"),
        ("p()", "an expression; write a name, as in `permit = permit`"),
        ("5", "an integer; write a name, as in `permit = permit`"),
        ("true", "a bool; write a name, as in `permit = permit`"),
        ("|p| p", "an expression; write a name, as in `permit = permit`"),
        ("LIMIT", "`LIMIT`; write it in lower case, as in `permit = permit`"),
    ] {
        let said = format!("`permit` must be a new variable name, found {found}");
        mistake(&format!("bucket = \"a\", permit = {value}"), &said, value);
    }
    mistake(
        "bucket = \"a\", permit = user",
        "`permit = user` shadows the argument `user`; write another name",
        "user",
    );
    mistake("bucket = \"a\", permit = r#page", "shadows the argument `page`", "r#page");
    for name in ["permit", "p", "_permit", "r#type", "__permit"] {
        assert!(mistakes(&format!("bucket = \"a\", permit = {name}")).is_empty(), "{name}");
    }
}

#[test]
fn a_registry_made_on_the_spot_is_an_error() {
    let said = "this makes a new registry at every call; put it in a `static` or a field";
    for value in ["Registry::new()", "&rate_limited::Registry::builder().guard(g).build()"] {
        mistake(&format!("bucket = \"a\", registry = {value}"), said, value);
    }
    for value in ["Registry::global()", "self.registry()", "Registry::of(user)", "registry"] {
        assert!(mistakes(&format!("bucket = \"a\", registry = {value}")).is_empty(), "{value}");
    }
}

#[test]
fn a_value_is_no_function_of_the_error() {
    for value in [
        "Ok(1)",
        "Err(E::Busy { a: 1 })",
        "Some(user)",
        "None",
        "()",
        "Option::None",
        "vec![1, 2]",
        "panic!(\"a\")",
        "[1, 2]",
        "(1, 2)",
        "Reply { busy: true }",
        "Default::default()",
        "format!(\"{user}\")",
    ] {
        let said = format!("`on_limited` must be a function, found a value; write it as in `|_| {value}`");
        mistake(&format!("bucket = \"a\", on_limited = {value}"), &said, value);
    }
    let long = format!("Err({:?})", "a".repeat(60));
    let said = "found a value; write it as in `|_| ..`";
    mistake(&format!("bucket = \"a\", on_limited = {long}"), said, &long);
    for value in [
        "Err",
        "Some",
        "Reply::Limited",
        "drop",
        "answer(user)",
        "answers::default()",
        "|_| Ok(1)",
        "make!()",
        "None::<u8>.map",
    ] {
        assert!(mistakes(&format!("bucket = \"a\", on_limited = {value}")).is_empty(), "{value}");
    }
}

#[test]
fn what_stands_beside_a_bucket_expression() {
    mistake(
        "bucket = GITHUB, rate = \"1/s\"",
        "`rate` cannot stand beside a `bucket` expression; remove",
        "rate",
    );
    mistake(
        "bucket = GITHUB, burst = 2",
        "`burst` cannot stand beside a `bucket` expression; give it",
        "burst",
    );
    mistake("bucket = GITHUB, rate = \"1/s\", burst = 2", "`rate` cannot stand beside", "rate");
    mistake("bucket = \"github\", burst = 2", "`burst` needs a `rate`", "burst");
}

#[test]
fn a_key_without_parts_is_the_same_for_every_call() {
    mistake("bucket = \"a\", key = ()", "this key is the same for every call", "()");
}

#[test]
fn the_crate_is_not_the_attribute() {
    let said = "`crate` is where the crate is, not the attribute; write `::rate_limited`";
    for value in ["::rate_limited::rate_limited", "crate::x::rate_limited::rate_limited"] {
        mistake(&format!("bucket = \"a\", crate = {value}"), said, value);
    }
    for value in ["::rate_limited", "crate::rate_limited", "$crate::limits"] {
        assert!(
            !mistakes(&format!("bucket = \"a\", crate = {value}")).iter().any(|(m, _)| m == said),
            "{value}"
        );
    }
}

#[test]
fn forgotten_quotes() {
    for value in ["5s", "3m", "500ms", "1h30m"] {
        let said =
            format!("`max_delay` must be a duration, found an integer; put it in quotes: `\"{value}\"`");
        mistake(&format!("bucket = \"a\", max_delay = {value}"), &said, value);
    }
    mistake("bucket = \"a\", max_delay = 10_min", "put it in quotes: `\"10min\"`", "10_min");
    mistake("bucket = \"a\", max_delay = 5x", "found an integer; write it as in `\"500ms\"`", "5x");
    for value in ["10/s", "5/minute", "100/15m"] {
        let said =
            format!("`rate` must be a string literal, found an expression; put it in quotes: `\"{value}\"`");
        mistake(&format!("rate = {value}"), &said, value);
    }
    for value in ["RATE", "10/per", "a/s", "10 * s", "10/0s"] {
        mistake(&format!("rate = {value}"), "give a computed rate to a `static`", value);
    }
    mistake("rate = \"1/s\", burst = BURST", "give a computed burst to a `static`", "BURST");
    for value in ["[\"10/s\", \"100/m\"]", "(\"10/s\", \"100/m\")"] {
        mistake(
            &format!("rate = {value}"),
            "give several rates to a `static` bucket by `.and(..)`, and that",
            value,
        );
    }
}

#[test]
fn parentheses_hide_no_literal() {
    mistake("bucket = (\"\")", "`bucket` must not be empty", "\"\"");
    mistake("bucket = \"a\", weight = ((0))", "`weight` must be at least 1", "0");
    mistake("bucket = \"a\", weight = (-1)", "`weight` must be positive", "-1");
    mistake("bucket = \"a\", max_delay = (\"1\")", "no unit", "\"1\"");
    mistake("bucket = \"a\", key = (|usr| usr)", "did you mean `user`?", "usr");
    for value in ["(user + 1)", "(if page.is_empty() { 1 } else { 2 })"] {
        assert!(mistakes(&format!("bucket = \"a\", weight = {value}")).is_empty(), "{value}");
    }
}

#[test]
fn what_reads_an_answer_is_a_function() {
    for (value, found) in [
        ("true", "a bool"),
        ("5", "an integer"),
        ("\"answer\"", "a string"),
        ("None", "a value"),
        ("Some(answer)", "a value"),
        ("()", "a value"),
    ] {
        let said = format!("`feedback` must be a function, found {found}; write `feedback` alone, or as in");
        mistake(&format!("bucket = B, feedback = {value}"), &said, value);
    }
    for value in [
        "read",
        "Answer::read",
        "|answer| answer",
        "|_: &Answer| -> Option<Feedback> { None }",
        "reader()",
        "|()| x",
    ] {
        let args = format!("bucket = B, feedback = {value}");
        assert!(mistakes(&args).is_empty(), "{args}: {:?}", mistakes(&args));
    }
    mistake("bucket = B, feedback = async |answer| answer", "cannot be `async`", "async");
}

#[test]
fn an_answer_is_told_of_at_one_place() {
    let said =
        "`feedback` cannot stand beside `permit`; remove it, and call `mine.observe(&answer)` in the body";
    mistake("bucket = B, permit = mine, feedback", said, "feedback");
    mistake("bucket = B, feedback = read, permit = mine", said, "feedback");
    mistake("bucket = B, feedback, permit = \"mine\"", "`permit` must be a new variable name", "\"mine\"");
}

#[test]
fn a_crate_path_is_shown_as_it_was_written() {
    mistake(
        "bucket = \"a\", crate = self::my_api::limits",
        "write `::my_api::limits` or `crate::my_api::limits`",
        "self::my_api::limits",
    );
}
