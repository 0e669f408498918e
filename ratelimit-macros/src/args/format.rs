//! Keys written as format strings.

use proc_macro2::Span;
use syn::ext::IdentExt;
use syn::{Expr, Ident, LitStr};

use super::bindings::Bindings;

/// A format string, and the arguments that it names.
///
/// They are handed to `format_args!` one by one: of itself it would look for them with the hygiene of the string, which
/// inside `macro_rules` may come from elsewhere than the function.
pub(crate) struct Format {
    pub(crate) text: LitStr,
    pub(crate) arguments: Vec<Ident>,
}

impl Format {
    /// The argument, if the string is nothing but it: its own text is the key, and nothing needs to be formatted.
    pub(crate) fn alone(&self) -> Option<&Ident> {
        let text = self.text.value();
        let name = text.strip_prefix('{')?.strip_suffix('}')?;
        self.arguments.iter().find(|argument| argument.unraw() == name)
    }
}

/// Checks the names in the string; everything else about it is `format_args!`'s to say.
pub(super) fn check(literal: &LitStr, bindings: &Bindings) -> syn::Result<Format> {
    let text = literal.value();
    let error = |message: String| Err(syn::Error::new(literal.span(), message));
    if text.trim_start().starts_with('|') {
        return error("a quoted key is a format string; remove the quotes to give a closure".to_owned());
    }
    let mut rest = text.as_str();
    let mut names = 0_usize;
    let mut arguments: Vec<Ident> = Vec::new();
    let mut found = |name: &str| {
        if let Some(argument) = bindings.find(name, literal.span())
            && !arguments.contains(&argument)
        {
            arguments.push(argument);
        }
    };
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
        let (name, layout) = placeholder.split_once(':').unwrap_or((placeholder, ""));
        let name = name.trim();
        is_name(name, bindings, literal.span())?;
        found(name);
        for measure in measures(layout) {
            match measure {
                Ok(name) => found(name),
                Err(position) => return error(no_argument(&position)),
            }
        }
        names += 1;
        rest = after;
    }
    if names > 0 {
        return Ok(Format { text: literal.clone(), arguments });
    }
    error(constant(&text, bindings))
}

/// What stands in the braces, its layout aside.
fn is_name(name: &str, bindings: &Bindings, at: Span) -> syn::Result<()> {
    if let Some(plain) = name.strip_prefix("r#")
        && bindings.may_have(plain)
    {
        let message = format!("`{{{name}}}` is no place holder; write `{{{plain}}}`");
        return Err(syn::Error::new(at, message));
    }
    if !is_identifier(name) {
        return Err(syn::Error::new(at, no_argument(&format!("{{{name}}}"))));
    }
    // All upper case is a constant, which rustc finds or misses.
    if !bindings.may_have(name) && name.contains(char::is_lowercase) {
        return Err(bindings.unknown(name, at));
    }
    Ok(())
}

/// What to say of a key that names nothing.
fn constant(text: &str, bindings: &Bindings) -> String {
    if is_part(text, bindings) {
        return format!("the key {text:?} is a string, not the value; remove the quotes: `key = {text}`");
    }
    let hint = if bindings.has(text) {
        format!("write `key = \"{{{text}}}\"` for the argument")
    } else {
        "name arguments in it, as in `\"{user}\"`, or remove it".to_owned()
    };
    format!("the key {text:?} is the same for every call; {hint}")
}

/// `user.id` and the like: a part of an argument, not text.
fn is_part(text: &str, bindings: &Bindings) -> bool {
    let Ok(value) = syn::parse_str::<Expr>(text) else { return false };
    let mut root = &value;
    loop {
        root = match root {
            Expr::Field(field) => &field.base,
            Expr::MethodCall(call) => &call.receiver,
            Expr::Index(index) => &index.expr,
            Expr::Reference(reference) => &reference.expr,
            Expr::Path(path) => {
                let name = path.path.get_ident().map(|name| name.unraw().to_string());
                return !matches!(value, Expr::Path(_)) && name.is_some_and(|name| bindings.has(&name));
            }
            _ => return false,
        };
    }
}

fn no_argument(text: &str) -> String {
    format!(
        "`{text}` is no argument; only names of arguments can stand in a key string, \
         write `key = format!(..)` or a closure for anything else"
    )
}

/// The names of a width and a precision, as in `{text:>width$.precision$}`; or what counts arguments instead.
fn measures(layout: &str) -> impl Iterator<Item = Result<&str, String>> {
    // What stands behind the last `$` is no name.
    let before = layout.rsplit_once('$').map_or("", |(before, _)| before);
    let named = before.split('$').map(|part| {
        let start = part.trim_end_matches(|c: char| c == '_' || c.is_alphanumeric()).len();
        let word = part.get(start..).unwrap_or_default();
        // A zero before the width is a flag.
        let name = word.trim_start_matches(|c: char| c.is_ascii_digit());
        if name.is_empty() && !word.is_empty() { Err(format!("{word}$")) } else { Ok(name) }
    });
    named.chain(layout.contains(".*").then(|| Err(".*".to_owned())))
}

fn is_identifier(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|first| first == '_' || first.is_alphabetic())
        && chars.all(|c| c == '_' || c.is_alphanumeric())
}
