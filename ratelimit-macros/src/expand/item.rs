//! The annotated item, of which only the function's head is parsed.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::token::Brace;
use syn::{Attribute, Ident, LitStr, Signature, Token, Visibility};

use crate::args::bindings::Bindings;
use crate::errors::Errors;

/// A function whose body is kept as tokens, so that half-typed code still expands.
pub(super) struct Function {
    pub(super) attributes: Vec<Attribute>,
    pub(super) visibility: Visibility,
    pub(super) signature: Signature,
    pub(super) body: Group,
}

impl Function {
    /// The function, if it is one, and what its arguments bind. What cannot be limited is read as far as it goes, so
    /// that the attribute's own mistakes are found too.
    pub(super) fn parse(item: TokenStream, errors: &mut Errors) -> (Bindings, Option<Self>) {
        let mut bindings = Bindings::open();
        let parsed = (|input: ParseStream<'_>| {
            let attributes = input.call(Attribute::parse_outer)?;
            let visibility: Visibility = input.parse()?;
            if let Some(error) = not_a_function(input) {
                return Err(error);
            }
            let signature: Signature = input.parse().map_err(expected_fn)?;
            bindings = Bindings::of(&signature);
            if let Some(token) = &signature.constness {
                errors.at(
                    token.span,
                    "`#[rate_limited]` cannot be used on a `const fn`; a permit is taken at run time, remove `const`",
                );
            }
            if input.peek(Token![;]) {
                return Err(syn::Error::new(
                    signature.ident.span(),
                    "`#[rate_limited]` needs a function with a body; put it on the implementations, \
                     or on a function around it",
                ));
            }
            let body = braces(input.parse()?)?;
            Ok(Function { attributes, visibility, signature, body })
        })
        .parse2(item);
        let function = errors.keep(parsed);
        (bindings, function)
    }

    /// The body's own tokens, and its inner attributes made outer ones: nothing may stand before an inner one.
    pub(super) fn split_body(&self) -> (TokenStream, Vec<TokenTree>) {
        let mut lifted = TokenStream::new();
        let mut rest: Vec<TokenTree> = self.body.stream().into_iter().collect();
        while let [TokenTree::Punct(pound), TokenTree::Punct(bang), TokenTree::Group(group), ..] =
            rest.as_slice()
            && pound.as_char() == '#'
            && bang.as_char() == '!'
            && group.delimiter() == Delimiter::Bracket
        {
            pound.to_tokens(&mut lifted);
            group.to_tokens(&mut lifted);
            rest.drain(..3);
        }
        (lifted, rest)
    }
}

/// The body's braces. `macro_rules` hands `$body:block` over in an invisible group.
fn braces(tree: TokenTree) -> syn::Result<Group> {
    match tree {
        TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => Ok(group),
        TokenTree::Group(group) if group.delimiter() == Delimiter::None => {
            let span = group.span();
            let inside = group.stream().into_iter().next();
            inside.map_or_else(|| Err(syn::Error::new(span, "expected a function body")), braces)
        }
        other => Err(syn::Error::new(other.span(), "expected a function body")),
    }
}

/// What to say of an item that is no function.
fn not_a_function(input: ParseStream<'_>) -> Option<syn::Error> {
    let ahead = input.fork();
    let mut word = ahead.call(Ident::parse_any).ok()?;
    // `unsafe impl`, `unsafe trait`, `auto trait`; `const` and `extern` may also start a function.
    while matches!(word.to_string().as_str(), "unsafe" | "auto" | "safe" | "async") {
        word = ahead.call(Ident::parse_any).ok()?;
    }
    let text = word.to_string();
    let (article, fix) = match text.as_str() {
        "impl" => ("an `impl` block", "annotate its methods one by one"),
        "trait" => ("a `trait`", "annotate its methods one by one"),
        "mod" => ("a `mod`", "annotate its functions one by one"),
        "struct" | "enum" | "union" => ("a type", "annotate the functions that make the calls"),
        "type" => ("a type alias", "annotate the functions that make the calls"),
        "use" => ("a `use`", "annotate the function where it is written"),
        "static" => ("a `static`", "annotate the functions that make the calls"),
        "macro_rules" => ("a macro", "annotate the functions that it makes"),
        "const" if !starts_function(&ahead) => ("a `const`", "annotate the functions that make the calls"),
        "extern" if ahead.peek(Token![crate]) => {
            ("an `extern crate`", "annotate the functions that make the calls")
        }
        "extern" if ahead.peek(Brace) || (ahead.peek(LitStr) && ahead.peek2(Brace)) => {
            ("an `extern` block", "put it on functions around the foreign ones")
        }
        "gen" => ("a generator", "make the calls in a function of its own"),
        _ if ahead.peek(Token![!]) => ("a macro call", "annotate the functions that it makes"),
        "let" => ("a `let`", "annotate the function around it"),
        _ => return None,
    };
    let message = format!("`#[rate_limited]` goes on a function, not on {article}; {fix}");
    Some(syn::Error::new(word.span(), message))
}

/// `expected` is what the parser of a function's head says, which at its very start is not about a head at all.
fn expected_fn(expected: syn::Error) -> syn::Error {
    if expected.to_string().ends_with("expected `fn`") {
        return syn::Error::new(expected.span(), "`#[rate_limited]` goes on a function; expected `fn`");
    }
    expected
}

fn starts_function(input: ParseStream<'_>) -> bool {
    input.peek(Token![fn])
        || input.peek(Token![async])
        || input.peek(Token![unsafe])
        || input.peek(Token![extern])
}
