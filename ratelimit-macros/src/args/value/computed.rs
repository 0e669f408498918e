//! `key`, `weight` and `max_delay`: what may depend on the arguments.

use syn::{Expr, Lit, UnOp};

use super::{found, lit, unquoted_delay, whole};
use crate::args::bindings::Bindings;
use crate::args::closure::ByName;
use crate::args::{Computed, Key, MaxDelay, Parameter, Weight, format, literal, peel, wrong};

pub(in crate::args) fn key(value: Expr, bindings: &Bindings) -> syn::Result<Key> {
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

pub(in crate::args) fn weight(value: Expr, bindings: &Bindings) -> syn::Result<Weight> {
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

pub(in crate::args) fn max_delay(value: Expr, bindings: &Bindings) -> syn::Result<MaxDelay> {
    let value = peel(value);
    if let Some(Lit::Str(text)) = lit(&value) {
        return match literal::delay(&text.value()) {
            Ok(delay) => Ok(MaxDelay::Literal(delay)),
            Err(message) => wrong(text, message),
        };
    }
    let Some(found) = found(&value) else {
        return computed(Parameter::MaxDelay, value, bindings).map(MaxDelay::Computed);
    };
    let hint = match (unquoted_delay(&value), lit(&value)) {
        (Some(text), _) => format!("put it in quotes: `{text:?}`"),
        (None, Some(Lit::Bool(flag))) if flag.value => "write `\"forever\"` to wait however long".to_owned(),
        (None, Some(Lit::Bool(_))) => "write `\"0s\"` to never wait".to_owned(),
        (None, Some(Lit::Int(number))) if number.base10_digits() == "0" => {
            "write `\"0s\"` to never wait".to_owned()
        }
        (None, Some(Lit::Int(number))) if number.suffix().is_empty() => {
            format!("write its unit, as in `\"{}ms\"`", number.base10_digits())
        }
        _ => "write it as in `\"500ms\"`".to_owned(),
    };
    wrong(&value, format!("`max_delay` must be a duration, found {found}; {hint}"))
}

fn computed(parameter: Parameter, value: Expr, bindings: &Bindings) -> syn::Result<Computed> {
    match value {
        Expr::Closure(closure) => ByName::check(parameter.name(), closure, bindings)
            .map(|by_name| Computed::Closure(Box::new(by_name))),
        value => Ok(Computed::Expression(Box::new(value))),
    }
}
