//! Keys written as format strings.

use syn::LitStr;

use super::bindings::Bindings;

/// Checks the names in the string; everything else about it is `format_args!`'s to say.
pub(super) fn check(literal: &LitStr, bindings: &Bindings) -> syn::Result<()> {
    let text = literal.value();
    let error = |message: String| Err(syn::Error::new(literal.span(), message));
    if text.trim_start().starts_with('|') {
        return error("a quoted key is a format string; remove the quotes to give a closure".to_owned());
    }
    let mut rest = text.as_str();
    let mut names = 0_usize;
    while let Some(at) = rest.find(['{', '}']) {
        let after = rest.get(at..).unwrap_or_default();
        if after.starts_with("{{") || after.starts_with("}}") {
            rest = after.get(2..).unwrap_or_default();
            continue;
        }
        let Some(inside) = after.strip_prefix('{') else {
            return error("unmatched `}` in the key; write `}}` for the brace itself".to_owned());
        };
        let Some((placeholder, after)) = inside.split_once('}') else {
            return error("unmatched `{` in the key; write `{{` for the brace itself".to_owned());
        };
        let name = placeholder.split_once(':').map_or(placeholder, |(name, _)| name).trim();
        if !is_identifier(name) {
            return error(format!(
                "`{{{name}}}` is no argument; only names of arguments can stand in a key string, \
                 write `key = format!(..)` or a closure for anything else"
            ));
        }
        // All upper case is a constant, which rustc finds or misses.
        if !bindings.has(name) && name.contains(char::is_lowercase) {
            return Err(bindings.unknown(name, literal.span()));
        }
        names += 1;
        rest = after;
    }
    if names > 0 {
        return Ok(());
    }
    let hint = if bindings.has(&text) {
        format!("write `key = \"{{{text}}}\"` for the argument")
    } else {
        "name arguments in it, as in `\"{user}\"`, or remove it".to_owned()
    };
    error(format!("the key {text:?} is the same for every call; {hint}"))
}

fn is_identifier(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|first| first == '_' || first.is_alphabetic())
        && chars.all(|c| c == '_' || c.is_alphanumeric())
}
