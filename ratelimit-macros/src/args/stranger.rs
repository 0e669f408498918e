//! What stands in the list and is no parameter: names that are none, and values without a name.

use syn::ext::IdentExt;
use syn::{Expr, Ident, Lit};

use super::list::List;
use super::table::{Meaning, Parameter, TABLE, meaning};
use super::value::{found, is_delay, lit, unquoted_delay, unquoted_rate};
use super::{literal, peel, text};
use crate::errors::listed;

pub(super) enum Stranger {
    Name(Ident),
    Value {
        value: Box<Expr>,
        /// After a key string, in the manner of `format!`.
        behind_a_key: bool,
    },
}

impl Stranger {
    /// What to say of it, and the parameter that it was meant to be. `is_written` knows what stands in the list under
    /// its own name, `list` also what was meant before.
    pub(super) fn judged(
        self,
        list: &List,
        is_written: impl Fn(Parameter) -> bool,
    ) -> (syn::Error, Option<Parameter>) {
        match self {
            Stranger::Name(name) => unknown(&name, is_written),
            Stranger::Value { value, behind_a_key } => {
                let value = peel(*value);
                match name(&value) {
                    _ if behind_a_key && found(&value).is_none() => {
                        let message =
                            "a key string takes no values; name arguments in it, as in `\"{user}\"`";
                        (syn::Error::new_spanned(&value, message), Some(Parameter::Bucket))
                    }
                    Some(name) if list.has(Parameter::Bucket) || list.has(Parameter::Rate) => {
                        unknown(name, is_written)
                    }
                    _ => nameless(&value, list),
                }
            }
        }
    }
}

fn unknown(name: &Ident, is_written: impl Fn(Parameter) -> bool) -> (syn::Error, Option<Parameter>) {
    let (hint, row) = match meaning(name) {
        Meaning::Own(row) | Meaning::Foreign(row) => {
            (format!("use `{}`, as in `{}`", row.name, row.example), Some(row))
        }
        Meaning::Near(row) => (format!("did you mean `{}`?", row.name), Some(row)),
        Meaning::Unknown => {
            (format!("expected one of {}", listed(&TABLE.each_ref().map(|row| row.name), "or")), None)
        }
    };
    let hint = match row {
        Some(row) if is_written(row.parameter) => format!("remove it, `{}` is given already", row.name),
        _ => hint,
    };
    let error = syn::Error::new(name.span(), format!("unknown parameter `{}`; {hint}", name.unraw()));
    (error, row.map(|row| row.parameter))
}

fn nameless(value: &Expr, list: &List) -> (syn::Error, Option<Parameter>) {
    let what = found(value).unwrap_or(match value {
        Expr::Path(_) => "a path",
        Expr::Closure(_) => "a closure",
        _ => "an expression",
    });
    let (hint, meant) = match guess(value) {
        Some(Guess { parameter, write }) if !list.has(parameter) => (write, parameter),
        Some(Guess { parameter, .. }) if what == "a string" => {
            (format!("remove it, `{}` is given already", parameter.name()), parameter)
        }
        // It may have been the bucket: that this is missing would be a second error for one mistake.
        _ => ("write a name before it, as in `weight = 2`".to_owned(), Parameter::Bucket),
    };
    (syn::Error::new_spanned(value, format!("expected a parameter, found {what}; {hint}")), Some(meant))
}

/// What a value without a name was meant for, by its looks.
struct Guess {
    parameter: Parameter,
    /// The advice if that parameter is not there yet.
    write: String,
}

fn guess(value: &Expr) -> Option<Guess> {
    let quoted = |parameter: Parameter, text: &str| Guess {
        parameter,
        write: format!("write `{} = {text:?}`", parameter.name()),
    };
    if let Some(Lit::Str(string)) = lit(value) {
        let text = string.value();
        return Some(quoted_pair(&text).unwrap_or_else(|| {
            let parameter = match text.as_str() {
                text if literal::rate(text).is_ok() => Parameter::Rate,
                text if is_delay(text) => Parameter::MaxDelay,
                text if text.contains('{') => Parameter::Key,
                _ => Parameter::Bucket,
            };
            quoted(parameter, &text)
        }));
    }
    if let Some(text) = unquoted_rate(value) {
        return Some(quoted(Parameter::Rate, &text));
    }
    if let Some(text) = unquoted_delay(value) {
        return Some(quoted(Parameter::MaxDelay, &text));
    }
    match (value, name(value)) {
        // A constant or a type has no such name: it is the bucket's own.
        (_, Some(name)) if name.to_string().starts_with(char::is_lowercase) => {
            Some(quoted(Parameter::Bucket, &name.unraw().to_string()))
        }
        (Expr::Path(_) | Expr::Field(_) | Expr::MethodCall(_) | Expr::Reference(_), _) => Some(Guess {
            parameter: Parameter::Bucket,
            write: format!("write `bucket = {}`", text::of(value).unwrap_or_else(|| "..".to_owned())),
        }),
        (Expr::Closure(_), _) => {
            Some(Guess { parameter: Parameter::Key, write: "write `key = |user| ..`".to_owned() })
        }
        _ => None,
    }
}

/// `"max_delay = 1s"`: the name is in the quotes too.
fn quoted_pair(text: &str) -> Option<Guess> {
    let pair = text.split_once('=');
    let name = pair.map_or(text, |(name, _)| name);
    let row = TABLE.iter().find(|row| row.name == name.trim() && (row.alone || pair.is_some()))?;
    let shown = if pair.is_some() { row.example } else { row.name };
    let write = format!("write it without the quotes, as in `{shown}`");
    Some(Guess { parameter: row.parameter, write })
}

fn name(value: &Expr) -> Option<&Ident> {
    match value {
        Expr::Path(path) if path.qself.is_none() => path.path.get_ident(),
        _ => None,
    }
}
