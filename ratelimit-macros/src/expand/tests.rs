//! The attribute as a function over tokens.

mod mistakes;
mod shapes;
mod soup;

use proc_macro2::TokenStream;

use super::expand;

fn tokens(text: &str) -> TokenStream {
    text.parse().unwrap()
}

#[test]
fn finds_the_future_that_a_body_ends_with() {
    let entered = |body: &str| {
        let expanded =
            expand(tokens("bucket = \"kitsu\""), &tokens(&format!("fn f() -> Alias {{ {body} }}")))
                .to_string();
        assert!(!expanded.contains("compile_error"), "{expanded}");
        expanded.contains("await")
    };
    for body in [
        "async {}",
        "async move { 1 }",
        "let x = 1; async move { x }",
        "if early { panic!() } async move { 1 }",
        "Box::pin(async move { 1 })",
        "Box::pin(async { 1 },)",
        "::std::boxed::Box::pin(async move { 1 })",
        "let x = 1; std::boxed::Box::pin(async move { x })",
        "async move { 1 }.boxed()",
        "x(); async move { 1 }.boxed_local()",
    ] {
        assert!(entered(body), "{body}");
    }
    for body in [
        "",
        "1",
        "block_on(async { 1 })",
        "|x| async move { x }",
        "let x = async { 1 };",
        "Box::new(async { 1 })",
        "Box::pin(wrap(async { 1 }))",
        "Pin::pin(async { 1 })",
        "wrap(Box::pin(async { 1 }))",
        "async { 1 }.map(f)",
        "x = async { 1 }",
        "if a { async { 1 } } else { async { 2 } }",
    ] {
        assert!(!entered(body), "{body}");
    }
}

/// Items lead the body, so that they do not follow a statement of ours; what only looks like one does not.
#[test]
fn stands_behind_leading_items() {
    for (body, before) in [
        ("use a::b; const X: u8 = 1; b(X)", "use a :: b ; const X : u8 = 1 ;"),
        ("#[allow(unused)] fn inner() {} inner()", "fn inner () { }"),
        ("macro_rules! m { () => {} } m!()", "m { () => { } }"),
        ("extern \"C\" fn f() {} extern \"C\" { fn g(); } f()", "fn g () ; }"),
        ("unsafe extern \"C\" {} unsafe impl Send for A {} unsafe fn f() {} unsafe {}", "unsafe fn f () { }"),
        ("async fn f() {} async unsafe fn g() {} async {}.await", "async unsafe fn g () { }"),
        ("pub fn f() {} pub(crate) struct S; f()", "pub (crate) struct S ;"),
        ("union U { a: u8 } extern crate alloc; auto trait T {} union.call()", "auto trait T { }"),
        ("struct S; #[allow(unused)] use a::b; #[allow(unused)] m!{} 1", "use a :: b ;"),
    ] {
        let expanded =
            expand(tokens("bucket = \"a\""), &tokens(&format!("fn f() -> A {{ {body} }}"))).to_string();
        let (head, _) = expanded.split_once("let __permit").unwrap();
        assert!(head.trim_end().ends_with(before), "{expanded}");
    }
    for body in [
        "#[allow(unused)] let x = 1; x",
        "const { 1 }",
        "1; use a::b; b()",
        "println!(\"\"); 1",
        "#[allow(unused)] println!(\"\"); 1",
        "unsafe { 1 }",
        "unsafe { 1 }; fn f() {}",
        "async { 1 }.await",
        "async move { 1 }; fn f() {}",
        "async || 1",
        "static || 1",
        "union = 1; union",
        "union { a: 1 }",
        "auto.trait_()",
        "auto! { 1 } fn f() {}",
    ] {
        let expanded =
            expand(tokens("bucket = \"a\""), &tokens(&format!("fn f() -> A {{ {body} }}"))).to_string();
        assert!(expanded.starts_with("fn f () -> A { let __permit"), "{expanded}");
    }
}

/// While a body is being typed an editor expands it all the same, and completes inside it.
#[test]
fn half_typed_bodies_are_emitted() {
    for body in [
        "if 1",
        "x .",
        "let",
        "let y =",
        "match x {",
        "return x .",
        "use a ::",
        "fn inner (",
        "# [allow",
        "x . await .",
    ] {
        let closed = match body.chars().last() {
            Some('{') => format!("{body} }}"),
            Some('(') => format!("{body} )"),
            _ if body.contains('[') => format!("{body} ]"),
            _ => body.to_owned(),
        };
        for (head, tail, wait) in [
            ("fn f(x: u32) -> A {", "}", "acquire"),
            ("async fn f(x: u32) -> A {", "}", "acquire_async"),
            ("fn f(x: u32) -> BoxFuture<'static, A> { Box::pin(async move {", "}) }", "acquire_async"),
            ("fn f(x: u32) -> impl Future { let z = ; async move {", "} }", "acquire_async"),
        ] {
            let item = tokens(&format!("{head} {closed} {tail}"));
            let typed = tokens(&closed).to_string();
            let expanded = expand(tokens("bucket = \"kitsu\", key = x"), &item).to_string();
            assert!(!expanded.contains("compile_error"), "{expanded}");
            assert!(expanded.contains(&format!("Site :: {wait}_with (")), "{expanded}");
            assert!(expanded.contains(&typed), "{typed}: {expanded}");

            let mistaken = expand(tokens("bucket = \"kitsu\", key = "), &item).to_string();
            assert!(mistaken.starts_with(&item.to_string()), "{mistaken}");
        }
    }
}
