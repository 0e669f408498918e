//! The value of each parameter, checked on its own.

use quote::ToTokens;
use syn::ext::IdentExt;
use syn::{Expr, ExprLit, Ident, Lit, LitInt, LitStr, Path, UnOp};

use super::bindings::Bindings;
use super::closure::ByName;
use super::once::{BUCKET, REGISTRY};
use super::{Computed, Key, MaxDelay, Parameter, Weight, format, literal, peel, wrong};

pub(super) enum Bucket {
    Name(LitStr),
    Expression(Box<Expr>),
}

pub(super) fn bucket(value: Expr) -> syn::Result<Bucket> {
    let value = peel(value);
    if let Some(Lit::Str(name)) = lit(&value) {
        return bucket_name(name).map(Bucket::Name);
    }
    if let Some(found) = found(&value) {
        return wrong(
            &value,
            format!(
                "`bucket` must be a string or a `Bucket`, found {found}; write it as in `bucket = \"github\"`"
            ),
        );
    }
    match value {
        Expr::Array(array) => wrong(
            &array,
            "`bucket = [..]` is reserved; stack one attribute per bucket, \
             or limit all keys of one bucket together by its `total`",
        ),
        Expr::Closure(closure) => wrong(
            &closure,
            "`bucket` must be a string or a `Bucket`, found a closure; \
             write the expression alone, as in `bucket = self.bucket()`",
        ),
        value if BUCKET.is_made_by(&value) => {
            wrong(&value, "this makes a new bucket at every call; put it in a `static` or a field")
        }
        value => Ok(Bucket::Expression(Box::new(value))),
    }
}

fn bucket_name(name: &LitStr) -> syn::Result<LitStr> {
    let text = name.value();
    if text.is_empty() {
        return wrong(name, "`bucket` must not be empty; write a name, as in `bucket = \"github\"`");
    }
    if text.trim() != text {
        return wrong(name, format!("`bucket` has white space around its name; write `{:?}`", text.trim()));
    }
    if text.contains(char::is_control) {
        return wrong(name, "`bucket` has a control character in its name; remove it");
    }
    Ok(name.clone())
}

pub(super) fn key(value: Expr, bindings: &Bindings) -> syn::Result<Key> {
    let value = peel(value);
    if let Some(Lit::Str(text)) = lit(&value) {
        return format::check(text, bindings).map(Key::Format);
    }
    if found(&value).is_some() || matches!(&value, Expr::Tuple(unit) if unit.elems.is_empty()) {
        return wrong(
            &value,
            "this key is the same for every call; name arguments in it, as in `key = \"{user}\"`, or remove it",
        );
    }
    let computed = computed(Parameter::Key, value, bindings)?;
    tuple(match &computed {
        Computed::Expression(value) => value,
        Computed::Closure(by_name) => by_name.body(),
    })?;
    Ok(Key::Computed(computed))
}

/// A tuple is not `Display`; where its parts are plain names the right string can be shown.
fn tuple(value: &Expr) -> syn::Result<()> {
    let Expr::Tuple(tuple) = value else { return Ok(()) };
    let names: Option<Vec<String>> = tuple.elems.iter().map(plain_name).collect();
    let example = match names {
        Some(names) if !names.is_empty() => {
            names.iter().map(|name| format!("{{{name}}}")).collect::<Vec<_>>().join("/")
        }
        _ => {
            return wrong(
                tuple,
                "a tuple is not a key; write a format string, as in `format!(\"{}/{}\", a, b)`",
            );
        }
    };
    wrong(tuple, format!("a tuple is not a key; write a format string: `key = \"{example}\"`"))
}

fn plain_name(value: &Expr) -> Option<String> {
    match value {
        Expr::Path(path) => path.path.get_ident().map(ToString::to_string),
        Expr::Reference(reference) => plain_name(&reference.expr),
        Expr::Unary(unary) if matches!(unary.op, UnOp::Deref(_)) => plain_name(&unary.expr),
        Expr::Group(group) => plain_name(&group.expr),
        Expr::Paren(paren) => plain_name(&paren.expr),
        _ => None,
    }
}

pub(super) fn weight(value: Expr, bindings: &Bindings) -> syn::Result<Weight> {
    let value = peel(value);
    match lit(&value) {
        Some(Lit::Int(number)) => match whole(number, "weight")? {
            0 => wrong(number, "`weight` must be at least 1; a call that costs nothing needs no limit"),
            weight => Ok(Weight::Literal(weight, number.span())),
        },
        Some(Lit::Str(text)) => wrong(
            text,
            "`weight` must be a whole number, found a string; remove the quotes to give a number or an expression",
        ),
        _ => match found(&value) {
            Some(_) if matches!(value, Expr::Unary(_)) => {
                wrong(&value, "`weight` must be positive; write a whole number of at least 1")
            }
            Some(found) => {
                wrong(&value, format!("`weight` must be a whole number, found {found}; write it as in `2`"))
            }
            None => computed(Parameter::Weight, value, bindings).map(Weight::Computed),
        },
    }
}

pub(super) fn max_delay(value: Expr, bindings: &Bindings) -> syn::Result<MaxDelay> {
    let value = peel(value);
    if let Some(Lit::Str(text)) = lit(&value) {
        return match literal::delay(&text.value()) {
            Ok(delay) => Ok(MaxDelay::Literal(delay, text.span())),
            Err(message) => wrong(text, message),
        };
    }
    let Some(found) = found(&value) else {
        return computed(Parameter::MaxDelay, value, bindings).map(MaxDelay::Computed);
    };
    let hint = match lit(&value) {
        Some(Lit::Bool(flag)) if flag.value => "write `\"forever\"` to wait however long".to_owned(),
        Some(Lit::Bool(_)) => "write `\"0s\"` to never wait".to_owned(),
        Some(Lit::Int(number)) if number.base10_digits() == "0" => "write `\"0s\"` to never wait".to_owned(),
        Some(Lit::Int(number)) => format!("write its unit, as in `\"{}ms\"`", number.base10_digits()),
        _ => "write it as in `\"500ms\"`".to_owned(),
    };
    wrong(&value, format!("`max_delay` must be a duration, found {found}; {hint}"))
}

pub(super) fn rate(value: Expr) -> syn::Result<literal::Rate> {
    let value = peel(value);
    let hint = match lit(&value) {
        Some(Lit::Str(text)) => {
            return literal::rate(&text.value()).map_err(|message| syn::Error::new(text.span(), message));
        }
        Some(Lit::Int(number)) => format!("write weight per time, as in `\"{}/s\"`", number.base10_digits()),
        Some(_) => "write weight per time, as in `\"10/s\"`".to_owned(),
        None => "give a computed rate to a `static` of type `Bucket`, and that to `bucket`".to_owned(),
    };
    let found = found(&value).unwrap_or("an expression");
    wrong(&value, format!("`rate` must be a string literal, found {found}; {hint}"))
}

pub(super) fn burst(value: Expr) -> syn::Result<u32> {
    let value = peel(value);
    if let Some(Lit::Int(number)) = lit(&value) {
        return match whole(number, "burst")? {
            0 => wrong(number, "`burst` must be at least 1; it is how much may start at once"),
            burst => Ok(burst),
        };
    }
    let found = found(&value).unwrap_or("an expression");
    wrong(&value, format!("`burst` must be a whole number, found {found}; write it as in `burst = 5`"))
}

pub(super) fn on_limited(value: Expr) -> syn::Result<Expr> {
    let value = peel(value);
    if let Some(found) = found(&value) {
        return wrong(
            &value,
            format!("`on_limited` must be a function, found {found}; write it as in `|err| ..`"),
        );
    }
    if is_result(&value) {
        let text = value.to_token_stream().to_string().replace(" (", "(");
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

/// What a function of the error would give, without the function.
fn is_result(value: &Expr) -> bool {
    let path = match value {
        Expr::Tuple(unit) => return unit.elems.is_empty(),
        Expr::Call(call) => &*call.func,
        path => path,
    };
    let Expr::Path(path) = path else { return false };
    let called = matches!(value, Expr::Call(_));
    path.path.segments.last().is_some_and(|last| match last.ident.to_string().as_str() {
        "None" => !called,
        "Ok" | "Err" | "Some" => called,
        _ => false,
    })
}

pub(super) fn permit(value: Expr, bindings: &Bindings) -> syn::Result<Ident> {
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

pub(super) fn registry(value: Expr) -> syn::Result<Expr> {
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

pub(super) fn krate(value: Expr) -> syn::Result<Path> {
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
            let path = &path.path;
            let text = quote::quote!(#path).to_string().replace(' ', "");
            let text = text.trim_start_matches("self::").trim_start_matches("super::");
            wrong(&value, format!("`crate` must be an absolute path; write `::{text}` or `crate::{text}`"))
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

fn computed(parameter: Parameter, value: Expr, bindings: &Bindings) -> syn::Result<Computed> {
    match value {
        Expr::Closure(closure) => ByName::check(parameter.name(), closure, bindings)
            .map(|by_name| Computed::Closure(Box::new(by_name))),
        value => Ok(Computed::Expression(Box::new(value))),
    }
}

fn whole(number: &LitInt, what: &str) -> syn::Result<u32> {
    if !matches!(number.suffix(), "" | "u32") {
        let message = format!("`{what}` is a `u32`; remove the suffix `{}`", number.suffix());
        return wrong(number, message);
    }
    number.base10_parse().or_else(|_| {
        wrong(
            number,
            format!("`{what}` {} does not fit `u32`; the most is {}", number.base10_digits(), u32::MAX),
        )
    })
}

fn lit(value: &Expr) -> Option<&Lit> {
    match value {
        Expr::Lit(lit) => Some(&lit.lit),
        _ => None,
    }
}

/// What a literal is, in words; `None` for everything that is computed.
fn found(value: &Expr) -> Option<&'static str> {
    match value {
        Expr::Lit(lit) => Some(match &lit.lit {
            Lit::Str(_) => "a string",
            Lit::ByteStr(_) => "a byte string",
            Lit::CStr(_) => "a C string",
            Lit::Byte(_) => "a byte",
            Lit::Char(_) => "a character",
            Lit::Int(_) => "an integer",
            Lit::Float(_) => "a float",
            Lit::Bool(_) => "a bool",
            _ => "a literal",
        }),
        Expr::Unary(unary) if matches!(unary.op, UnOp::Neg(_)) => found(&unary.expr),
        _ => None,
    }
}
