//! `on_limited`, `permit`, `feedback`, `registry` and `crate`.

use syn::ext::IdentExt;
use syn::{Expr, ExprLit, Ident, Lit, Path};

use super::{found, lit};
use crate::args::bindings::Bindings;
use crate::args::once::REGISTRY;
use crate::args::{peel, text, wrong};

pub(in crate::args) fn on_limited(value: Expr) -> syn::Result<Expr> {
    let value = peel(value);
    if let Some(found) = found(&value) {
        return wrong(
            &value,
            format!("`on_limited` must be a function, found {found}; write it as in `|err| ..`"),
        );
    }
    if is_value(&value) {
        let text = text::of(&value).unwrap_or_else(|| "..".to_owned());
        return wrong(
            &value,
            format!("`on_limited` must be a function, found a value; write it as in `|_| {text}`"),
        );
    }
    if let Expr::Closure(closure) = &value
        && let Some(token) = &closure.asyncness
    {
        return wrong(
            token,
            "the closure of `on_limited` cannot be `async`; it gives the function's own result",
        );
    }
    Ok(value)
}

pub(in crate::args) fn feedback(value: Expr) -> syn::Result<Expr> {
    let value = peel(value);
    let found = found(&value).or_else(|| is_value(&value).then_some("a value"));
    if let Some(found) = found {
        return wrong(
            &value,
            format!(
                "`feedback` must be a function, found {found}; write `feedback` alone, or as in `feedback = |answer| ..`"
            ),
        );
    }
    if let Expr::Closure(closure) = &value
        && let Some(token) = &closure.asyncness
    {
        return wrong(
            token,
            "the closure of `feedback` cannot be `async`; it only reads what the function returns",
        );
    }
    Ok(value)
}

/// The body may give its permit back, and then there is nothing left to tell.
pub(in crate::args) fn feedback_beside(permit: &Ident, feedback: &Ident) -> syn::Error {
    let message = format!(
        "`feedback` cannot stand beside `permit`; remove it, and call `{permit}.observe(&answer)` in the body"
    );
    syn::Error::new(feedback.span(), message)
}

/// What a function of the error would give, without the function.
fn is_value(value: &Expr) -> bool {
    let path = match value {
        Expr::Tuple(_) | Expr::Array(_) | Expr::Repeat(_) | Expr::Struct(_) => return true,
        // Others may expand to a function.
        Expr::Macro(call) => {
            let name = call.mac.path.segments.last().map(|last| last.ident.to_string());
            return matches!(
                name.as_deref(),
                Some("vec" | "format" | "panic" | "todo" | "unimplemented" | "unreachable")
            );
        }
        Expr::Call(call) => &*call.func,
        path => path,
    };
    let Expr::Path(path) = path else { return false };
    let called = matches!(value, Expr::Call(_));
    let mut names = path.path.segments.iter().rev().map(|segment| segment.ident.to_string());
    match (names.next().as_deref(), names.next().as_deref()) {
        (Some("None"), _) => !called,
        (Some("Ok" | "Err" | "Some"), _) | (Some("default"), Some("Default")) => called,
        _ => false,
    }
}

pub(in crate::args) fn permit(value: Expr, bindings: &Bindings) -> syn::Result<Ident> {
    const WRITE: &str = "write a name, as in `permit = permit`";
    let value = peel(value);
    let found = match &value {
        Expr::Infer(_) => "`_`; write a name, or leave `permit` out".to_owned(),
        Expr::Path(path) => match path.path.get_ident() {
            Some(name) if path.qself.is_none() && name != "self" && name != "Self" => {
                let text = name.unraw().to_string();
                if bindings.has(&text) {
                    return wrong(
                        name,
                        format!("`permit = {name}` shadows the argument `{text}`; write another name"),
                    );
                }
                // A `let` of a constant's name would be a pattern.
                if !text.starts_with(char::is_uppercase) {
                    return Ok(name.clone());
                }
                format!("`{name}`; write it in lower case, as in `permit = permit`")
            }
            Some(name) => format!("`{name}`; {WRITE}"),
            None => format!("a path; {WRITE}"),
        },
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => {
            let text = text.value();
            let name = if syn::parse_str::<Ident>(&text).is_ok() { &text } else { "permit" };
            format!("a string; remove the quotes, as in `permit = {name}`")
        }
        value => format!("{}; {WRITE}", found(value).unwrap_or("an expression")),
    };
    wrong(&value, format!("`permit` must be a new variable name, found {found}"))
}

pub(in crate::args) fn registry(value: Expr) -> syn::Result<Expr> {
    let value = peel(value);
    match found(&value) {
        Some(found) => wrong(
            &value,
            format!("`registry` must be a `Registry`, found {found}; write it as in `self.limits`"),
        ),
        None if REGISTRY.is_made_by(&value) => {
            wrong(&value, "this makes a new registry at every call; put it in a `static` or a field")
        }
        None => Ok(value),
    }
}

pub(in crate::args) fn krate(value: Expr) -> syn::Result<Path> {
    let value = peel(value);
    if let Some(Lit::Str(text)) = lit(&value) {
        let hint = text.value();
        let hint = hint.trim_start_matches("::");
        return wrong(
            &value,
            format!("`crate` must be a path, found a string; remove the quotes, as in `::{hint}`"),
        );
    }
    match &value {
        Expr::Path(path) if path.qself.is_none() && is_absolute(&path.path) => {
            let mut last = path.path.segments.iter().rev().map(|segment| &segment.ident);
            match (last.next(), last.next()) {
                (Some(attribute), Some(krate)) if attribute == "rate_limited" && krate == attribute => {
                    wrong(&value, "`crate` is where the crate is, not the attribute; write `::rate_limited`")
                }
                _ => Ok(path.path.clone()),
            }
        }
        Expr::Path(path) => {
            let hint = text::of(&path.path).map_or_else(
                || "`::rate_limited` or `crate::limits`".to_owned(),
                |text| {
                    let text = text.trim_start_matches("self::").trim_start_matches("super::");
                    format!("`::{text}` or `crate::{text}`")
                },
            );
            wrong(&value, format!("`crate` must be an absolute path; write {hint}"))
        }
        _ => wrong(&value, "`crate` must be a path; write it as in `::rate_limited` or `crate::limits`"),
    }
}

/// `$crate` arrives under that very name.
fn is_absolute(path: &Path) -> bool {
    let plain = path.segments.iter().all(|segment| segment.arguments.is_none());
    let first = path.segments.first().map(|segment| segment.ident.to_string());
    plain && (path.leading_colon.is_some() || matches!(first.as_deref(), Some("crate" | "$crate")))
}
