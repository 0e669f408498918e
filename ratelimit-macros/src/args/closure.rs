//! Closures whose parameters are the function's arguments, by name.

use proc_macro2::Span;
use syn::spanned::Spanned;
use syn::{Expr, ExprClosure, Ident, Pat, Type};

use super::bindings::Bindings;
use super::{text, wrong};

/// A closure in which each parameter is named after the argument that it is given by reference.
pub(crate) struct ByName {
    pub(crate) closure: ExprClosure,
    /// The argument behind each parameter, in the closure's order.
    pub(crate) arguments: Vec<Ident>,
}

impl ByName {
    /// `what` is the attribute's parameter, for messages.
    pub(super) fn check(what: &str, closure: ExprClosure, bindings: &Bindings) -> syn::Result<Self> {
        if let Some(modifier) = modifier(&closure) {
            let message =
                format!("the closure of `{what}` must be a plain one; write it as in `|user| user.id`");
            return Err(syn::Error::new(modifier, message));
        }
        if let Some(attribute) = closure.attrs.first() {
            let message =
                format!("attributes on the closure of `{what}` are not supported; put them on the function");
            return wrong(attribute, message);
        }
        let mut arguments = Vec::new();
        let mut errors: Option<syn::Error> = None;
        for parameter in &closure.inputs {
            let argument = name(what, parameter)
                .and_then(|name| bindings.argument(name))
                .and_then(|argument| by_reference(parameter, argument, bindings));
            match argument {
                Ok(argument) => arguments.push(argument),
                Err(error) => match &mut errors {
                    Some(errors) => errors.combine(error),
                    None => errors = Some(error),
                },
            }
        }
        errors.map_or(Ok(ByName { closure, arguments }), Err)
    }

    pub(crate) fn body(&self) -> &Expr {
        &self.closure.body
    }

    /// The types that the user gave the parameters, if any.
    pub(crate) fn types(&self) -> Option<impl Iterator<Item = Option<&Type>>> {
        let types = || {
            self.closure.inputs.iter().map(|input| match input {
                Pat::Type(typed) => Some(&*typed.ty),
                _ => None,
            })
        };
        types().any(|ty| ty.is_some()).then(types)
    }

    pub(crate) fn patterns(&self) -> impl Iterator<Item = &Pat> {
        self.closure.inputs.iter().map(|input| match input {
            Pat::Type(typed) => &*typed.pat,
            other => other,
        })
    }
}

fn modifier(closure: &ExprClosure) -> Option<Span> {
    let lifetimes = closure.lifetimes.as_ref().map(Spanned::span);
    let constness = closure.constness.map(|token| token.span);
    let asyncness = closure.asyncness.map(|token| token.span);
    lifetimes.or(constness).or(asyncness)
}

/// The argument, unless the parameter has the argument's own type: a slip whose native message is about bounds.
fn by_reference(parameter: &Pat, argument: Ident, bindings: &Bindings) -> syn::Result<Ident> {
    let Pat::Type(typed) = parameter else { return Ok(argument) };
    if !bindings.has_type(&argument, &typed.ty) {
        return Ok(argument);
    }
    let hint = match text::of(&typed.ty) {
        Some(ty) => format!("write `|{argument}: &{ty}|`, or leave the type out"),
        None => "leave the type out".to_owned(),
    };
    wrong(&typed.ty, format!("`{argument}` is given by reference; {hint}"))
}

fn name<'a>(what: &str, parameter: &'a Pat) -> syn::Result<&'a Ident> {
    match parameter {
        Pat::Ident(ident) if ident.ident == "self" => {
            wrong(parameter, format!("`self` is no parameter; use it inside, as in `{what} = || self.id`"))
        }
        Pat::Ident(ident) if ident.subpat.is_none() => Ok(&ident.ident),
        Pat::Reference(inner) => name(what, &inner.pat),
        Pat::Paren(inner) => name(what, &inner.pat),
        Pat::Type(inner) => name(what, &inner.pat),
        _ => wrong(
            parameter,
            format!(
                "the parameters of a `{what}` closure are names of arguments, as in `|user, page|`; \
                     write the name and take it apart inside"
            ),
        ),
    }
}
