//! Of what names the function's arguments: key strings and closures.

use super::super::tokens;
use super::{mistake, mistakes, mistakes_on};
use crate::expand::expand;

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
fn a_closure_parameter_is_a_reference_to_its_argument() {
    let item = "fn f<'a>(x: &'a str, n: u32, mut v: Vec<u8>, (p, q): (u8, u8)) -> A {}";
    for (closure, said, at) in [
        ("|x: &str| x", "`x` is given by reference; write `|x: &&str|`, or leave the type out", "&str"),
        ("|n: u32| n", "`n` is given by reference; write `|n: &u32|`, or leave the type out", "u32"),
        ("|&n: u32| n", "`n` is given by reference; write `|n: &u32|`", "u32"),
        ("|v: Vec<u8>| v", "`v` is given by reference; write `|v: &Vec<u8>|`", "Vec<u8>"),
    ] {
        let found = mistakes_on(&format!("bucket = \"a\", key = {closure}"), item);
        let [(message, place)] = found.as_slice() else { panic!("{closure}: {found:?}") };
        assert!(message.starts_with(said) && place == at, "{closure}: {found:?}");
    }
    for closure in
        ["|x: &&str| x", "|n: &u32| n", "|&n: &u32| n", "|n: _| n", "|p: u8| p", "|v: &[u8]| v.len()"]
    {
        let found = mistakes_on(&format!("bucket = \"a\", key = {closure}"), item);
        assert!(found.is_empty(), "{closure}: {found:?}");
    }
}

#[test]
fn attributes_on_a_closure_are_not_dropped() {
    for name in ["key", "weight", "max_delay"] {
        mistake(
            &format!("bucket = \"a\", {name} = #[deny(unused)] |user| user"),
            &format!("attributes on the closure of `{name}` are not supported; put them on the function"),
            "#[deny(unused)]",
        );
    }
}

#[test]
fn an_argument_without_a_name_is_bound_first() {
    for (item, key, said) in [
        ("fn f(_: u8) -> A {}", "|z| z", "no argument named `z`; bind the argument to a name first"),
        (
            "fn f(User { id, .. }: User) -> A {}",
            "|user| user",
            "no argument named `user`; bind the argument to a name first, or use `id`",
        ),
        (
            "fn f((a, b): (u8, u8)) -> A {}",
            "\"{pair}\"",
            "no argument named `pair`; bind the argument to a name first, or use `a` or `b`",
        ),
        ("fn f() -> A {}", "|z| z", "no argument named `z`; the function has no named arguments"),
    ] {
        let found = mistakes_on(&format!("bucket = \"a\", key = {key}"), item);
        let [(message, _)] = found.as_slice() else { panic!("{item}: {found:?}") };
        assert_eq!(message, said);
    }
}

#[test]
fn a_key_string_has_plain_names() {
    let found = mistakes_on("bucket = \"a\", key = \"{r#match}\"", "fn f(r#match: u8) -> A {}");
    assert_eq!(found[0].0, "`{r#match}` is no place holder; write `{match}`");
    let found = mistakes_on("bucket = \"a\", key = \"{self}\"", "fn f(&self) -> A {}");
    assert!(found.is_empty(), "{found:?}");
    // With its own hygiene, as all other names: the string may come from elsewhere.
    let item = tokens("fn f(&self) -> A {}");
    let expanded = expand(tokens("bucket = \"a\", key = \"{self:?}\""), &item).to_string();
    assert!(expanded.contains("self = self"), "{expanded}");
}

#[test]
fn a_quoted_part_of_an_argument_is_no_key() {
    for value in ["user.id", "page.len()", "page[0]", "&user"] {
        mistake(
            &format!("bucket = \"a\", key = {value:?}"),
            &format!("the key {value:?} is a string, not the value; remove the quotes: `key = {value}`"),
            &format!("{value:?}"),
        );
    }
    for value in ["user/page", "user-1", "api.user", "user page"] {
        mistake(&format!("bucket = \"a\", key = {value:?}"), "name arguments in it", &format!("{value:?}"));
    }
    mistake("bucket = \"a\", key = \"user\"", "write `key = \"{user}\"` for the argument", "\"user\"");
}
