//! What the attribute may say, and the values once they are checked.

pub(crate) mod bindings;
mod closure;
mod format;
mod list;
pub(crate) mod literal;
mod once;
mod stranger;
mod suggest;
mod table;
mod target;
mod text;
mod value;

use proc_macro2::{Span, TokenStream};
use quote::ToTokens;
use syn::{Expr, Ident, LitStr, Path, UnOp};

use self::bindings::Bindings;
pub(crate) use self::closure::ByName;
pub(crate) use self::format::Format;
use self::list::List;
use self::table::Parameter;
use crate::errors::Errors;

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
    Literal(literal::Delay),
    Computed(Computed),
}

/// How the server's word is read off what the function gives.
pub(crate) enum Feedback {
    Itself,
    By(Box<Expr>),
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
    /// With the name that was written.
    pub(crate) feedback: Option<(Ident, Feedback)>,
    pub(crate) krate: Option<Path>,
}

/// The pairs of one attribute as they were written; the values are looked at once the function is known.
pub(crate) struct Arguments(List);

impl Arguments {
    pub(crate) fn parse(tokens: TokenStream, errors: &mut Errors) -> Self {
        Arguments(List::parse(tokens, errors))
    }

    /// Checks every value. `None` if one of them, or what has been reported before, leaves nothing to emit.
    pub(crate) fn check(self, bindings: &Bindings, errors: &mut Errors) -> Option<Attribute> {
        use self::value::{computed, other};

        let mut reader = Reader { list: self.0, errors };
        let key = reader.value(Parameter::Key, |value| computed::key(value, bindings));
        let weight = reader.value(Parameter::Weight, |value| computed::weight(value, bindings));
        let max_delay = reader.value(Parameter::MaxDelay, |value| computed::max_delay(value, bindings));
        let on_limited = reader.value(Parameter::OnLimited, other::on_limited);
        let permit = reader.value(Parameter::Permit, |value| other::permit(value, bindings));
        let feedback = reader
            .pair(Parameter::Feedback, other::feedback)
            .map(|(name, by)| (name, by.map_or(Feedback::Itself, |by| Feedback::By(Box::new(by)))));
        if let (Some(permit), Some((name, _))) = (&permit, &feedback) {
            let errors = reader.at(Parameter::Feedback);
            errors.push(other::feedback_beside(permit, name));
        }
        let registry = reader.value(Parameter::Registry, other::registry);
        let krate = reader.value(Parameter::Crate, other::krate);
        let target = target::read(&mut reader);
        if let (Some(target), Some(weight)) = (&target, &weight) {
            target::fits(target, weight, reader.at(Parameter::Weight));
        }
        reader.errors.behind_the_pairs();
        target.map(|target| Attribute {
            target,
            registry,
            key,
            weight,
            max_delay,
            on_limited,
            permit,
            feedback,
            krate,
        })
    }
}

/// Reads value by value, in any order; what is wrong is reported in the order of the pairs.
struct Reader<'a> {
    list: List,
    errors: &'a mut Errors,
}

impl Reader<'_> {
    fn value<T>(&mut self, parameter: Parameter, check: impl FnOnce(Expr) -> syn::Result<T>) -> Option<T> {
        self.pair(parameter, check).and_then(|(_, value)| value)
    }

    /// The name that was written, and the value if there is one and nothing is wrong with it.
    fn pair<T>(
        &mut self,
        parameter: Parameter,
        check: impl FnOnce(Expr) -> syn::Result<T>,
    ) -> Option<(Ident, Option<T>)> {
        let (name, value) = self.list.take(parameter)?;
        Some((name, self.at(parameter).keep(value.map(check).transpose()).flatten()))
    }

    /// For errors about that parameter.
    fn at(&mut self, parameter: Parameter) -> &mut Errors {
        self.errors.belong_to(self.list.place(parameter));
        self.errors
    }
}

/// Without the invisible groups in which `macro_rules` hands over `$x:expr` and `$x:literal`; and without the
/// parentheses around what is looked into. They stay around a computed value, whose own tokens are emitted.
fn peel(value: Expr) -> Expr {
    let mut inner = &value;
    loop {
        inner = match inner {
            Expr::Group(group) => &group.expr,
            Expr::Paren(paren) => &paren.expr,
            Expr::Lit(_) | Expr::Closure(_) | Expr::Tuple(_) | Expr::Array(_) => return inner.clone(),
            Expr::Unary(unary) if matches!(unary.op, UnOp::Neg(_)) => return inner.clone(),
            _ => break,
        };
    }
    match value {
        Expr::Group(group) => peel(*group.expr),
        value => value,
    }
}

/// An error over all of the value: its span alone would be its first token.
fn wrong<T>(value: &impl ToTokens, message: impl std::fmt::Display) -> syn::Result<T> {
    Err(syn::Error::new_spanned(value, message))
}
