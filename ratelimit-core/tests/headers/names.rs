//! The server's names for its limits, and whom they are for.

use ratelimit_core::feedback::{Feedback, Scope};

use super::{some, told};

#[test]
fn a_bucket_has_the_first_of_its_names() {
    let all = [
        ("X-RateLimit-Bucket", " abcd1234 "),
        ("X-RateLimit-Resource", "core"),
        ("RateLimit-Name", "api"),
        ("RateLimit", "\"policy\";r=1"),
    ];
    for (at, name) in ["abcd1234", "core", "api", "policy"].iter().enumerate() {
        assert_eq!(some(&all[at..]).bucket.as_deref(), Some(*name));
        let blank: Vec<_> =
            all[..at].iter().map(|(name, _)| (*name, " ")).chain(all[at..].iter().copied()).collect();
        assert_eq!(some(&blank).bucket.as_deref(), Some(*name), "what is blank is absent");
    }
    assert_eq!(told(&all[1..2]), Some(Feedback::default().bucket("core")), "though nothing else is told");
    assert_eq!(some(&[("RateLimit", "\" \";r=1")]).bucket, None);
    // Of another family than the numbers.
    let told = some(&[("ratelimit-limit", "5"), ("x-ratelimit-bucket", "b")]);
    assert_eq!((told.limit, told.bucket.as_deref()), (Some(5), Some("b")));
}

#[test]
fn whom_a_limit_is_for() {
    let scope = |headers: &[(&str, &str)]| told(headers).map(|told| told.scope);
    for (text, expected) in [
        ("global", Some(Scope::Global)),
        ("Global", Some(Scope::Global)),
        (" shared ", Some(Scope::Shared)),
        ("user", None),
        ("galaxy", None),
        ("global, shared", None),
        ("", None),
    ] {
        assert_eq!(scope(&[("X-RateLimit-Scope", text)]), expected, "{text}");
        let with_limit = scope(&[("X-RateLimit-Scope", text), ("x-ratelimit-limit", "5")]);
        assert_eq!(with_limit, Some(expected.unwrap_or(Scope::Bucket)), "{text}");
    }
    assert_eq!(scope(&[("X-RateLimit-Global", "True")]), Some(Scope::Global));
    assert_eq!(scope(&[("X-RateLimit-Global", "false")]), None);
    assert_eq!(
        scope(&[("X-RateLimit-Global", "true"), ("X-RateLimit-Scope", "shared")]),
        Some(Scope::Global)
    );
}
