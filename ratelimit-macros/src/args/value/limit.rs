//! `bucket`, `rate` and `burst`.

use syn::{Expr, Lit, LitStr};

use super::{found, lit, literal, unquoted_rate, whole};
use crate::args::once::BUCKET;
use crate::args::{peel, wrong};

pub(in crate::args) enum Bucket {
    Name(LitStr),
    Expression(Box<Expr>),
}

pub(in crate::args) fn bucket(value: Expr) -> syn::Result<Bucket> {
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

pub(in crate::args) fn rate(value: Expr) -> syn::Result<literal::Rate> {
    let value = peel(value);
    let hint = match lit(&value) {
        Some(Lit::Str(text)) => {
            return literal::rate(&text.value()).map_err(|message| syn::Error::new(text.span(), message));
        }
        Some(Lit::Int(number)) => format!("write weight per time, as in `\"{}/s\"`", number.base10_digits()),
        Some(_) => "write weight per time, as in `\"10/s\"`".to_owned(),
        None if matches!(value, Expr::Array(_) | Expr::Tuple(_)) => {
            "give several rates to a `static` bucket by `.and(..)`, and that to `bucket`".to_owned()
        }
        None => match unquoted_rate(&value) {
            Some(text) => format!("put it in quotes: `{text:?}`"),
            None => "give a computed rate to a `static` of type `Bucket`, and that to `bucket`".to_owned(),
        },
    };
    let found = found(&value).unwrap_or("an expression");
    wrong(&value, format!("`rate` must be a string literal, found {found}; {hint}"))
}

pub(in crate::args) fn burst(value: Expr) -> syn::Result<u32> {
    let value = peel(value);
    if let Some(Lit::Int(number)) = lit(&value) {
        return match whole(number, "burst")? {
            0 => wrong(number, "`burst` must be at least 1; it is how much may start at once"),
            burst => Ok(burst),
        };
    }
    let (found, hint) = match found(&value) {
        Some(found) => (found, "write it as in `burst = 5`"),
        None => {
            ("an expression", "give a computed burst to a `static` of type `Bucket`, and that to `bucket`")
        }
    };
    wrong(&value, format!("`burst` must be a whole number, found {found}; {hint}"))
}
