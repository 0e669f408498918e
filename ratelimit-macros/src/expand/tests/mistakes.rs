//! What the attribute says of mistakes, and where.

use proc_macro2::Span;

use super::tokens;
use crate::args::Arguments;
use crate::errors::Errors;
use crate::expand::body;
use crate::expand::item::Function;

/// The messages about `args`, each with the tokens that it points at.
fn mistakes(args: &str) -> Vec<(String, String)> {
    mistakes_on(args, "fn search(user: u32, page: &str) -> Result<usize, Error> { Ok(1) }")
}

fn mistakes_on(args: &str, item: &str) -> Vec<(String, String)> {
    let mut errors = Errors::default();
    let arguments = Arguments::parse(tokens(args), &mut errors);
    let (bindings, function) = Function::parse(tokens(item), &mut errors);
    let attribute = arguments.check(&bindings, &mut errors);
    if let Some(function) = function {
        errors.keep(body(&function, attribute.as_ref()));
    }
    let source = |span: Span| span.source_text().unwrap_or_default();
    errors.iter().map(|error| (error.to_string(), source(error.span()))).collect()
}

#[track_caller]
fn mistake(args: &str, message: &str, place: &str) {
    let found = mistakes(args);
    let [(said, at)] = found.as_slice() else { panic!("{args}: {found:?}") };
    assert!(said.contains(message), "{args}: {said}");
    assert_eq!(at, place, "{args}: {said}");
}

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
fn every_pair_of_parameters_in_both_orders() {
    let values = [
        "bucket = \"kitsu\"",
        "key = user",
        "weight = 2",
        "max_delay = \"1s\"",
        "rate = \"10/s\"",
        "burst = 5",
        "on_limited = |_| 1",
        "permit = permit",
        "registry = REGISTRY",
        "crate = ::limits",
    ];
    for first in values {
        for second in values {
            let others = values.iter().filter(|other| ![first, second].contains(other)).copied();
            let all: Vec<&str> = [first, second].into_iter().chain(others).collect();
            let found = mistakes(&all.join(", "));
            if first == second {
                let name = first.split(' ').next().unwrap();
                let said = format!("duplicate parameter `{name}`; remove one of the two");
                assert_eq!(found, [(said, name.to_owned())], "{all:?}");
            } else {
                assert!(found.is_empty(), "{all:?}: {found:?}");
            }
        }
    }
}

#[test]
fn every_mistake_points_at_its_token() {
    mistake("", "missing `bucket`", "");
    mistake("\"kitsu\"", "write `bucket = \"kitsu\"`", "\"kitsu\"");
    mistake("bucket", "needs a value", "bucket");
    mistake("bucket =", "needs a value", "=");
    mistake("bucket(\"a\")", "expected `=` after `bucket`", "(\"a\")");
    mistake("bucket: \"a\"", "expected `=` after `bucket`", ":");
    mistake("bucket = \"a\" key = user", "expected `,` before `key`", "key");
    mistake("bucket = \"a\"; key = user", "expected `,`, found `;`", ";");
    mistake("bucket = \"a\",, key = user", "found `,`; remove it", ",");
    mistake("bucket = \"a\", max_delay = 0", "found an integer; write `\"0s\"` to never wait", "0");
    mistake("bucket = \"a\", 5", "expected a parameter name, found `5`", "5");
    mistake("bucket = \"a\", key = user.", "; write it as in `key = \"{user}\"`", ".");
    mistake(
        "bucket = \"a\", permit = mut permit",
        "expected an expression; write it as in `permit = permit`",
        "mut",
    );
    mistake("bucket = \"a\", key = (user +)", "broken off", "(user +)");
    mistake("bucket = \"a\", fn = 1", "unknown parameter `fn`", "fn");
}

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
fn all_mistakes_are_reported_at_once() {
    let found =
        mistakes("bucket = \"\", wieght = 2, max_delay = 500, key = |usr, pge| usr, rate = \"10\", weight");
    let places: Vec<&str> = found.iter().map(|(_, at)| at.as_str()).collect();
    assert_eq!(places, ["wieght", "weight", "usr", "pge", "500", "\"\"", "\"10\""], "{found:?}");
}

#[test]
fn a_misspelt_bucket_is_not_also_missing() {
    for args in ["bukcet = \"a\"", "name = \"a\"", "bucket", "rps = 5", "rat = \"5/s\", burst = 5"] {
        assert_eq!(mistakes(args).len(), 1, "{args}: {:?}", mistakes(args));
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
fn a_key_string_does_not_count_arguments() {
    for (layout, position) in
        [(">1$", "1$"), ("08$", "08$"), (".2$", "2$"), ("a<page$.0$", "0$"), (".*", ".*")]
    {
        let key = format!("\"{{user:{layout}}}\"");
        mistake(&format!("bucket = \"a\", key = {key}"), &format!("`{position}` is no argument"), &key);
    }
    for layout in ["$<5", ">8", "page$", "a<page$.page$", "08.page$?", "_^0user$.3", ""] {
        let found = mistakes(&format!("bucket = \"a\", key = \"{{user:{layout}}}\""));
        assert!(found.is_empty(), "{layout}: {found:?}");
    }
}

#[test]
fn a_bucket_made_on_the_spot_is_an_error() {
    for value in [
        "Bucket::new(\"a\", Rate::per_day(1))",
        "&rate_limited::Bucket::named(name, rate)",
        "::rate_limited::Bucket::unlimited(\"a\")",
        "(Bucket::learned(\"a\").and(r)).guard(g)",
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
fn what_others_call_a_rate() {
    for name in ["per", "period", "interval", "window"] {
        mistake(
            &format!("bucket = \"a\", {name} = \"1s\""),
            &format!("unknown parameter `{name}`; use `rate`"),
            name,
        );
    }
}

#[test]
fn a_letter_is_no_slip_of_another() {
    let item = "fn f(a: u8, b: u8) -> A {}";
    let found = mistakes_on("bucket = \"x\", key = |c| c", item);
    assert_eq!(found[0].0, "no argument named `c`; the arguments are `a` and `b`");
    let found = mistakes_on("bucket = \"x\", key = |a| a", "fn f(__arg0: (u8, u8), b: u8) -> A {}");
    assert!(found[0].0.contains("under `#[async_trait]`"), "{found:?}");
}

#[test]
fn closures_may_name_any_binding() {
    let item = "fn f((a, [b, ..]): (u8, [u8; 3]), S { c, d: T(e), .. }: S, &mut g: &mut u8, r#type: u8, h @ _: u8) -> A {}";
    for name in ["a", "b", "c", "e", "g", "r#type", "h"] {
        let found = mistakes_on(&format!("bucket = \"x\", key = |{name}| 1"), item);
        assert!(found.is_empty(), "{name}: {found:?}");
    }
    for name in ["d", "S", "x"] {
        let found = mistakes_on(&format!("bucket = \"x\", key = |{name}| 1"), item);
        assert_eq!(found.len(), 1, "{name}");
    }
}
#[test]
fn the_attribute_itself_is_no_parameter() {
    let said = "unknown parameter `rate_limited`; use `bucket`";
    mistake("rate_limited(bucket = \"a\")", said, "rate_limited");
    mistake("rate_limited", said, "rate_limited");
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
    for value in ["Ok(1)", "Err(Busy)", "Some(user)", "None", "()", "Option::None"] {
        let said = "`on_limited` must be a function, found a value; write it as in `|_| ";
        mistake(&format!("bucket = \"a\", on_limited = {value}"), said, value);
    }
    for value in
        ["Err", "Some", "Reply::Limited", "drop", "answer(user)", "|_| Ok(1)", "make!()", "None::<u8>.map"]
    {
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
