//! Of the annotated item.

use super::mistakes_on;

#[test]
fn a_future_that_starts_elsewhere_is_an_error() {
    for ty in [
        "impl Future<Output = u8>",
        "impl std::future::Future<Output = u8> + Send",
        "Pin<Box<dyn Future<Output = u8> + Send>>",
        "std::pin::Pin<Box<dyn Future<Output = u8>>>",
        "BoxFuture<'static, u8>",
        "futures::future::LocalBoxFuture<'_, u8>",
        "Box<dyn Future<Output = u8>>",
    ] {
        let found = mistakes_on("bucket = \"kitsu\"", &format!("fn f() -> {ty} {{ make() }}"));
        let [(said, at)] = found.as_slice() else { panic!("{ty}: {found:?}") };
        assert!(said.starts_with("cannot tell where the returned future starts; "), "{said}");
        assert_eq!(at, ty);
    }
    for ty in
        ["Result<BoxFuture<'static, u8>, Error>", "Vec<Box<dyn Future>>", "Box<dyn Fn()>", "impl Iterator"]
    {
        let found = mistakes_on("bucket = \"kitsu\"", &format!("fn f() -> {ty} {{ make() }}"));
        assert!(found.is_empty(), "{ty}: {found:?}");
    }
}

#[test]
fn what_cannot_be_read_is_an_error() {
    let lost =
        "`feedback` makes a closure of the body, in which `#[track_caller]` is lost; remove one of the two";
    let never = "`feedback` reads what the function returns, and this one never returns; remove it";
    for (item, said) in [
        ("fn f() -> ! { panic!() }", Some(never)),
        ("#[track_caller] fn f() -> A { 1 }", Some(lost)),
        ("#[inline] #[track_caller] fn f() { 1 }", Some(lost)),
        ("#[track_caller] async fn f() -> A { 1 }", None),
        ("#[track_caller] fn f() -> A { async { 1 } }", None),
        ("fn f() {}", None),
    ] {
        let found = mistakes_on("bucket = B, feedback", item);
        let expected: Vec<(String, String)> =
            said.map(|said| (said.to_owned(), "feedback".to_owned())).into_iter().collect();
        assert_eq!(found, expected, "{item}");
        assert!(mistakes_on("bucket = B", item).is_empty(), "{item}");
    }
}

#[test]
fn an_item_that_cannot_be_limited_hides_no_mistake() {
    let args = "bucket = \"a\", wieght = 2, key = |usr| usr, max_delay = 5";
    for (item, usr) in [
        ("enum E { A }", false),
        ("unsafe impl T for S {}", false),
        ("fn f(user: u8) -> A;", true),
        ("const fn f(user: u8) -> A { 1 }", true),
        ("fn f(user: u8) -> A = 1", true),
        ("fn (user: u8)", false),
    ] {
        let found = mistakes_on(args, item);
        let places: Vec<&str> = found.iter().map(|(_, at)| at.as_str()).collect();
        assert!(places.contains(&"wieght") && places.contains(&"5"), "{item}: {found:?}");
        assert_eq!(places.contains(&"usr"), usr, "{item}: {found:?}");
        assert_eq!(found.len(), 3 + usize::from(usr), "{item}: {found:?}");
    }
    let found = mistakes_on("bucket = \"a\", key = \"{user}\"", "trait T {}");
    assert_eq!(found.len(), 1, "{found:?}");
}

#[test]
fn every_item_says_what_it_is() {
    for (item, at, found) in [
        ("impl A {}", "impl", "an `impl` block; annotate its methods one by one"),
        ("unsafe impl A for B {}", "impl", "an `impl` block; annotate its methods one by one"),
        ("pub trait A {}", "trait", "a `trait`; annotate its methods one by one"),
        ("pub(crate) mod a {}", "mod", "a `mod`; annotate its functions one by one"),
        ("pub struct A(u8);", "struct", "a type; annotate the functions that make the calls"),
        ("enum E {}", "enum", "a type; annotate the functions that make the calls"),
        ("union U {}", "union", "a type; annotate the functions that make the calls"),
        ("type A = u8;", "type", "a type alias; annotate the functions that make the calls"),
        ("use a::b;", "use", "a `use`; annotate the function where it is written"),
        ("static A: u8 = 1;", "static", "a `static`; annotate the functions that make the calls"),
        ("const A: u8 = 1;", "const", "a `const`; annotate the functions that make the calls"),
        ("macro_rules! m {}", "macro_rules", "a macro; annotate the functions that it makes"),
        ("m! { fn f() {} }", "m", "a macro call; annotate the functions that it makes"),
        (
            "extern \"C\" { fn f(); }",
            "extern",
            "an `extern` block; put it on functions around the foreign ones",
        ),
        ("unsafe extern {}", "extern", "an `extern` block; put it on functions around the foreign ones"),
        ("extern crate a;", "extern", "an `extern crate`; annotate the functions that make the calls"),
        ("let x = 1;", "let", "a `let`; annotate the function around it"),
        ("gen fn f() -> u8 { 1 }", "gen", "a generator; make the calls in a function of its own"),
        ("async gen fn f() -> u8 { 1 }", "gen", "a generator; make the calls in a function of its own"),
    ] {
        let said = format!("`#[rate_limited]` goes on a function, not on {found}");
        assert_eq!(mistakes_on("bucket = \"a\"", item), [(said, at.to_owned())], "{item}");
    }
    for (item, at) in [("1 + 1", "1"), ("|x| x", "|"), ("field: u8", "field"), ("async { 1 }", "{"), ("", "")]
    {
        let said = "`#[rate_limited]` goes on a function; expected `fn`".to_owned();
        assert_eq!(mistakes_on("bucket = \"a\"", item), [(said, at.to_owned())], "{item}");
    }
}
