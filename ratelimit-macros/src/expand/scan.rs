//! Questions that tokens answer without being parsed.

use proc_macro2::{TokenStream, TokenTree};

/// Whether one of the words stands somewhere in the tokens.
pub(super) fn mentions(tokens: TokenStream, words: &[&str]) -> bool {
    tokens.into_iter().any(|tree| match tree {
        TokenTree::Ident(word) => words.iter().any(|known| word == known),
        TokenTree::Group(group) => mentions(group.stream(), words),
        _ => false,
    })
}

/// Whether a return type may be written in the body too: it is no `impl Trait` and does not borrow, it is neither `!`
/// nor a macro.
pub(super) fn may_be_repeated(ty: &TokenStream) -> bool {
    ty.clone().into_iter().all(|tree| match tree {
        TokenTree::Ident(word) => word != "impl",
        TokenTree::Punct(punct) => !matches!(punct.as_char(), '&' | '\'' | '!'),
        TokenTree::Group(group) => may_be_repeated(&group.stream()),
        TokenTree::Literal(_) => true,
    })
}

/// Whether the body may have items of its own, behind which a name of the function's head means something else.
pub(super) fn may_have_items(body: TokenStream) -> bool {
    mentions(body, &["use", "struct", "enum", "union", "type", "trait", "mod", "extern", "const"])
}
