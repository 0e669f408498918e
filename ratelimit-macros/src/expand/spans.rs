//! Where tokens stand.

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};
use quote::quote_spanned;

/// The places of the first and the last token: on stable, nothing names all that lies between.
#[derive(Clone, Copy)]
pub(super) struct Ends {
    pub(super) first: Span,
    pub(super) last: Span,
}

impl Ends {
    pub(super) fn of(tokens: &TokenStream) -> Self {
        let mut trees = tokens.clone().into_iter();
        let first = trees.next().map_or_else(Span::call_site, |tree| tree.span());
        let last = trees.last().as_ref().map_or(first, TokenTree::span);
        Ends { first, last }
    }

    pub(super) fn at(span: Span) -> Self {
        Ends { first: span, last: span }
    }
}

/// `(tokens)`, standing at `span`.
pub(super) fn parentheses(span: Span, tokens: TokenStream) -> Group {
    let mut group = Group::new(Delimiter::Parenthesis, tokens);
    group.set_span(span);
    group
}

/// A place of the user's, for tokens of ours: the compiler underlines it, lints and names see that it is not his.
pub(super) fn ours(span: Span) -> Span {
    span.resolved_at(Span::mixed_site())
}

/// `__rate_limited::path(arguments)`, which the compiler underlines from the first place to the last: a path starts
/// at its first token, a call ends at its parenthesis. One of them elsewhere, and it underlines the whole attribute.
pub(super) fn call(at: Ends, path: &[&str], arguments: TokenStream) -> TokenStream {
    call_as(at, path, &TokenStream::new(), arguments)
}

/// The same with types behind the path.
pub(super) fn call_as(at: Ends, path: &[&str], types: &TokenStream, arguments: TokenStream) -> TokenStream {
    let first = ours(at.first);
    let path = path.iter().map(|segment| Ident::new(segment, first));
    let arguments = parentheses(ours(at.last), arguments);
    quote_spanned!(first=> __rate_limited #(::#path)* #types #arguments)
}

/// The tokens as ours, where they stand.
pub(super) fn moved(tokens: TokenStream) -> TokenStream {
    tokens
        .into_iter()
        .map(|mut tree| {
            if let TokenTree::Group(group) = &mut tree {
                let mut inside = Group::new(group.delimiter(), moved(group.stream()));
                inside.set_span(group.span());
                *group = inside;
            }
            tree.set_span(ours(tree.span()));
            tree
        })
        .collect()
}
