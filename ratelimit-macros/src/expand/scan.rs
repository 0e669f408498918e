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

/// Whether a return type may be written in the body too, as tokens of ours: it is no `impl Trait` and does not borrow, it
/// is neither `!` nor a macro, and has no `$crate`, which means another crate elsewhere.
pub(super) fn may_be_repeated(ty: &TokenStream) -> bool {
    ty.clone().into_iter().all(|tree| match tree {
        TokenTree::Ident(word) => word != "impl" && word != "$crate",
        TokenTree::Punct(punct) => !matches!(punct.as_char(), '&' | '\'' | '!'),
        TokenTree::Group(group) => may_be_repeated(&group.stream()),
        TokenTree::Literal(_) => true,
    })
}

/// Whether a macro is called somewhere in the tokens: what it makes is not seen.
pub(super) fn calls_macro(tokens: TokenStream) -> bool {
    let mut bang = false;
    tokens.into_iter().any(|tree| match tree {
        TokenTree::Punct(punct) => {
            bang = punct.as_char() == '!';
            false
        }
        // A negation of a group is one too: that errs on the safe side.
        TokenTree::Group(group) => std::mem::take(&mut bang) || calls_macro(group.stream()),
        _ => {
            bang = false;
            false
        }
    })
}

/// Whether the body may have items of its own, behind which a name of the function's head means something else.
pub(super) fn may_have_items(body: TokenStream) -> bool {
    calls_macro(body.clone())
        || mentions(body, &["use", "struct", "enum", "union", "type", "trait", "mod", "extern", "const"])
}
