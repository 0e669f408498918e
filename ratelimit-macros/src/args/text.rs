//! The user's own tokens as text, for a message that shows how to write them.

use proc_macro2::{Delimiter, TokenTree};
use quote::ToTokens;

/// The tokens as they were written. `None` for what would not fit a message, or does not stand in the source as such.
pub(super) fn of(tokens: &impl ToTokens) -> Option<String> {
    const LONGEST: usize = 60;
    let mut text = String::new();
    let mut word = false;
    for tree in tokens.to_token_stream() {
        let (piece, is_word) = match &tree {
            TokenTree::Group(group) if group.delimiter() == Delimiter::None => return None,
            TokenTree::Group(group) => (group.span().source_text()?, false),
            TokenTree::Punct(punct) => (punct.as_char().to_string(), false),
            tree => (tree.to_string(), true),
        };
        let apart = (word && (is_word || piece == "'" || piece.starts_with('{'))) || text.ends_with(',');
        if apart {
            text.push(' ');
        }
        text.push_str(&piece);
        word = is_word;
    }
    // A `$` is a variable of `macro_rules`, which the user of the macro does not see.
    (!text.is_empty() && text.chars().count() <= LONGEST && !text.contains(['\n', '$'])).then_some(text)
}
