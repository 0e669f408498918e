//! The value of each parameter, checked on its own.

pub(super) mod computed;
pub(super) mod limit;
pub(super) mod other;

use syn::{BinOp, Expr, Lit, LitInt, UnOp};

use super::{literal, wrong};

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

pub(super) fn lit(value: &Expr) -> Option<&Lit> {
    match value {
        Expr::Lit(lit) => Some(&lit.lit),
        _ => None,
    }
}

/// What a literal is, in words; `None` for everything that is computed.
pub(super) fn found(value: &Expr) -> Option<&'static str> {
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

/// `5s` as it should have been quoted.
pub(super) fn unquoted_delay(value: &Expr) -> Option<String> {
    let text = literal_text(value)?;
    is_delay(&text).then_some(text)
}

/// `10/s` or `100/15m` as it should have been quoted.
pub(super) fn unquoted_rate(value: &Expr) -> Option<String> {
    let Expr::Binary(binary) = value else { return None };
    let time = match &*binary.right {
        Expr::Path(path) => path.path.get_ident()?.to_string(),
        right => literal_text(right)?,
    };
    let text = format!("{}/{time}", literal_text(&binary.left)?);
    (matches!(binary.op, BinOp::Div(_)) && literal::rate(&text).is_ok()).then_some(text)
}

/// Whether a string would do as a `max_delay`; a number alone would be too little.
pub(super) fn is_delay(text: &str) -> bool {
    text.contains(char::is_alphabetic) && literal::delay(text).is_ok()
}

/// A whole number with its suffix.
fn literal_text(value: &Expr) -> Option<String> {
    match lit(value) {
        Some(Lit::Int(number)) => Some(format!("{}{}", number.base10_digits(), number.suffix())),
        _ => None,
    }
}
