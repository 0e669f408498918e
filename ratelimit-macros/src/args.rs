//! What the attribute may say: one table of parameters, and the values once they are checked.

pub(crate) mod bindings;
mod closure;
mod format;
mod list;
pub(crate) mod literal;
mod once;
mod suggest;
mod value;

use proc_macro2::{Span, TokenStream};
use quote::ToTokens;
use syn::{Expr, Ident, LitStr, Path};

use self::bindings::Bindings;
pub(crate) use self::closure::ByName;
pub(crate) use self::format::Format;
use self::list::List;
use crate::errors::Errors;

/// The parameters by meaning; [`TABLE`] gives each its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Parameter {
    Bucket,
    Key,
    Weight,
    MaxDelay,
    Rate,
    Burst,
    OnLimited,
    Permit,
    Registry,
    Crate,
}

/// One parameter. Duplicates, unknown names and proposals are all read off this table, so that no check of one
/// parameter can disagree with that of another.
struct Row {
    parameter: Parameter,
    name: &'static str,
    /// What a message shows as the right way to write it.
    example: &'static str,
    /// What other limiters call it: an edit distance would not find these.
    foreign: &'static [&'static str],
}

const TABLE: [Row; 10] = [
    Row {
        parameter: Parameter::Bucket,
        name: "bucket",
        example: "bucket = \"name\"",
        foreign: &["name", "limiter", "limit_name", "limiter_name", "id", "rate_limited"],
    },
    Row {
        parameter: Parameter::Key,
        name: "key",
        example: "key = \"{user}\"",
        foreign: &["by", "key_by", "key_fn", "keys", "partition"],
    },
    Row {
        parameter: Parameter::Weight,
        name: "weight",
        example: "weight = 2",
        foreign: &["permits", "tokens", "cost", "units", "n", "consume"],
    },
    Row {
        parameter: Parameter::MaxDelay,
        name: "max_delay",
        example: "max_delay = \"500ms\"",
        foreign: &["delay", "timeout", "wait", "max_wait", "timeout_duration", "block", "blocking"],
    },
    Row {
        parameter: Parameter::Rate,
        name: "rate",
        example: "rate = \"10/s\"",
        foreign: &[
            "rps",
            "qps",
            "per",
            "per_second",
            "per_minute",
            "period",
            "interval",
            "window",
            "limit",
            "quota",
            "limit_for_period",
        ],
    },
    Row {
        parameter: Parameter::Burst,
        name: "burst",
        example: "burst = 5",
        foreign: &["capacity", "max_burst", "burst_size", "bucket_size"],
    },
    Row {
        parameter: Parameter::OnLimited,
        name: "on_limited",
        example: "on_limited = |err| ..",
        foreign: &["fallback", "fallback_method", "map_err", "default", "on_error", "on_limit", "or_else"],
    },
    Row {
        parameter: Parameter::Permit,
        name: "permit",
        example: "permit = permit",
        foreign: &["bind", "binding", "ticket", "lease"],
    },
    Row {
        parameter: Parameter::Registry,
        name: "registry",
        example: "registry = self.limits",
        foreign: &["limits", "limiters", "store"],
    },
    Row {
        parameter: Parameter::Crate,
        name: "crate",
        example: "crate = ::rate_limited",
        foreign: &["krate"],
    },
];

impl Parameter {
    fn name(self) -> &'static str {
        TABLE.iter().find(|row| row.parameter == self).map_or("", |row| row.name)
    }
}

/// Which bucket a call site asks.
pub(crate) enum Target {
    Named(LitStr),
    Declared(LitStr, literal::Rate),
    /// A bucket of the call site's own.
    Own(literal::Rate),
    Dynamic(Box<Expr>),
}

/// A value that is computed at each call.
pub(crate) enum Computed {
    Expression(Box<Expr>),
    Closure(Box<ByName>),
}

pub(crate) enum Key {
    Format(Format),
    Computed(Computed),
}

pub(crate) enum Weight {
    Literal(u32, Span),
    Computed(Computed),
}

pub(crate) enum MaxDelay {
    Literal(literal::Delay, Span),
    Computed(Computed),
}

/// One attribute, checked.
pub(crate) struct Attribute {
    pub(crate) target: Target,
    pub(crate) registry: Option<Expr>,
    pub(crate) key: Option<Key>,
    pub(crate) weight: Option<Weight>,
    pub(crate) max_delay: Option<MaxDelay>,
    pub(crate) on_limited: Option<Expr>,
    /// What the body calls its permit.
    pub(crate) permit: Option<Ident>,
    pub(crate) krate: Option<Path>,
}

/// The pairs of one attribute as they were written; the values are looked at once the function is known.
pub(crate) struct Arguments(List);

impl Arguments {
    pub(crate) fn parse(tokens: TokenStream, errors: &mut Errors) -> Self {
        Arguments(List::parse(tokens, errors))
    }

    /// Checks every value. `None` if one of them, or what has been reported before, leaves nothing to emit.
    pub(crate) fn check(mut self, bindings: &Bindings, errors: &mut Errors) -> Option<Attribute> {
        let list = &mut self.0;
        let key = list.take(Parameter::Key).and_then(|(_, value)| errors.keep(value::key(value, bindings)));
        let weight =
            list.take(Parameter::Weight).and_then(|(_, value)| errors.keep(value::weight(value, bindings)));
        let max_delay = list
            .take(Parameter::MaxDelay)
            .and_then(|(_, value)| errors.keep(value::max_delay(value, bindings)));
        let on_limited =
            list.take(Parameter::OnLimited).and_then(|(_, value)| errors.keep(value::on_limited(value)));
        let permit =
            list.take(Parameter::Permit).and_then(|(_, value)| errors.keep(value::permit(value, bindings)));
        let registry =
            list.take(Parameter::Registry).and_then(|(_, value)| errors.keep(value::registry(value)));
        let krate = list.take(Parameter::Crate).and_then(|(_, value)| errors.keep(value::krate(value)));
        let target = target(list, errors);
        if let (Some(target), Some(weight)) = (&target, &weight) {
            fits(target, weight, errors);
        }
        target.map(|target| Attribute { target, registry, key, weight, max_delay, on_limited, permit, krate })
    }
}

/// `bucket`, `rate` and `burst` together.
fn target(list: &mut List, errors: &mut Errors) -> Option<Target> {
    let bucket = list.take(Parameter::Bucket).map(|(_, value)| errors.keep(value::bucket(value)));
    let rate = list.take(Parameter::Rate).map(|(name, value)| (name, errors.keep(value::rate(value))));
    let burst =
        list.take(Parameter::Burst).and_then(|(name, value)| Some((name, errors.keep(value::burst(value))?)));
    if rate.is_none()
        && let Some((name, _)) = &burst
        && !list.meant(Parameter::Rate)
    {
        let message = match &bucket {
            Some(Some(value::Bucket::Expression(_))) => {
                "`burst` cannot stand beside a `bucket` expression; give it to that bucket's rate, \
                 as in `Rate::per_second(10).burst(30)`"
            }
            _ => "`burst` needs a `rate`; write both, as in `rate = \"10/s\", burst = 30`",
        };
        errors.at(name.span(), message);
    }
    let rate = rate.map(|(name, rate)| (name, rate.and_then(|rate| with_burst(rate, burst, errors))));
    match (bucket, rate) {
        (Some(Some(value::Bucket::Expression(bucket))), Some((name, _))) => {
            errors.at(
                name.span(),
                "`rate` cannot stand beside a `bucket` expression; \
                 remove `rate`, or name the bucket by a string literal",
            );
            Some(Target::Dynamic(bucket))
        }
        (Some(bucket), None) => bucket.map(|bucket| match bucket {
            value::Bucket::Name(name) => Target::Named(name),
            value::Bucket::Expression(bucket) => Target::Dynamic(bucket),
        }),
        (Some(Some(value::Bucket::Name(bucket))), Some((_, rate))) => {
            rate.map(|rate| Target::Declared(bucket, rate))
        }
        (Some(None), Some(_)) => None,
        (None, Some((_, rate))) => rate.map(Target::Own),
        (None, None) => {
            missing(list, errors);
            None
        }
    }
}

fn with_burst(
    rate: literal::Rate,
    burst: Option<(Ident, u32)>,
    errors: &mut Errors,
) -> Option<literal::Rate> {
    use literal::Shape::{Burst, Fixed, Sliding};
    match (rate.shape, burst) {
        (_, None) => Some(rate),
        (Sliding, Some((_, burst))) => Some(literal::Rate { shape: Burst(burst), ..rate }),
        (Burst(burst), Some((name, _))) => {
            errors.at(name.span(), format!("the rate has `burst {burst}` already; remove one of the two"));
            None
        }
        (Fixed, Some((name, _))) => {
            errors.at(name.span(), "a fixed window has no burst; remove `burst`, or `fixed` from the rate");
            None
        }
    }
}

/// Silent where a misspelt name has been reported already: one mistake, one error.
fn missing(list: &List, errors: &mut Errors) {
    if !list.meant(Parameter::Bucket) && !list.meant(Parameter::Rate) {
        errors.at(
            Span::call_site(),
            "missing `bucket`; write `#[rate_limited(bucket = \"name\")]`, \
             or declare a limit in place with `rate = \"10/s\"`",
        );
    }
}

/// A literal weight above what a literal rate can ever let through at once.
fn fits(target: &Target, weight: &Weight, errors: &mut Errors) {
    let (Target::Declared(_, rate) | Target::Own(rate), &Weight::Literal(weight, span)) = (target, weight)
    else {
        return;
    };
    let (most, what) = match rate.shape {
        literal::Shape::Burst(burst) => (burst, "burst"),
        literal::Shape::Sliding | literal::Shape::Fixed => (rate.amount, "rate"),
    };
    if weight > most {
        let message = format!(
            "`weight` {weight} is more than the {what} of {most}; such a call could never start, \
             lower the weight or raise the {what}"
        );
        errors.at(span, message);
    }
}

/// Invisible groups are how `macro_rules` hands over `$x:expr` and `$x:literal`.
fn peel(mut value: Expr) -> Expr {
    while let Expr::Group(group) = value {
        value = *group.expr;
    }
    value
}

/// An error over all of the value: its span alone would be its first token.
fn wrong<T>(value: &impl ToTokens, message: impl std::fmt::Display) -> syn::Result<T> {
    Err(syn::Error::new_spanned(value, message))
}
