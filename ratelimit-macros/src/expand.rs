//! From an attribute and a function to the function with a prologue. A plain function over tokens, so that it is
//! tested without a compiler.

mod borrow;
mod item;
mod prologue;
mod reading;
mod scan;
mod site;
mod spans;
mod tail;
#[cfg(test)]
mod tests;
mod values;

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Ident, Type};

use self::item::Function;
use self::prologue::{Prologue, Wait};
use self::tail::Place;
use crate::args::{Arguments, Attribute};
use crate::errors::Errors;

/// The item with its prologue; or as it was, with every mistake of the attribute behind it, so that one of them does
/// not make every caller of the function an error too.
pub(crate) fn expand(args: TokenStream, item: &TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let arguments = Arguments::parse(args, &mut errors);
    let (bindings, function) = Function::parse(item.clone(), &mut errors);
    let attribute = arguments.check(&bindings, &mut errors);
    let expanded = function.and_then(|function| {
        let body = errors.keep(body(&function, attribute.as_ref()))?;
        Some((function, body))
    });
    match expanded {
        Some((function, body)) if errors.is_empty() => emit(&function, body),
        _ => quote!(#item #errors),
    }
}

/// The body with the prologue in it, or without one where there is no attribute to make it of.
fn body(function: &Function, attribute: Option<&Attribute>) -> syn::Result<(TokenStream, TokenStream)> {
    let signature = &function.signature;
    let (lifted, statements) = function.split_body();
    let around = |place: &Place<'_>, statements: TokenStream| match attribute {
        Some(attribute) => Prologue::new(attribute, function).around(place, statements),
        None => statements,
    };
    let front = |wait, capture| {
        let place = Place { wait, braces: &function.body, capture };
        tail::front(statements.iter().cloned().collect(), |rest| around(&place, rest))
    };
    if signature.asyncness.is_some() {
        return Ok((lifted, front(Wait::Task, quote!(move))));
    }
    if let Some(body) = tail::into_future(&statements, &around) {
        return Ok((lifted, body));
    }
    match tail::return_type(signature) {
        Some(ty) if tail::is_future(ty) => Err(opaque(ty)),
        _ => {
            if let Some((feedback, _)) = attribute.and_then(|attribute| attribute.feedback.as_ref()) {
                may_be_read(function, feedback)?;
            }
            Ok((lifted, front(Wait::Thread, TokenStream::new())))
        }
    }
}

fn opaque(ty: &Type) -> syn::Error {
    syn::Error::new_spanned(
        ty,
        "cannot tell where the returned future starts; write `async fn`, or end the body with `async move { .. }`",
    )
}

/// What a function that blocks its thread cannot be, once its body is a closure.
fn may_be_read(function: &Function, feedback: &Ident) -> syn::Result<()> {
    let message = if let Some(Type::Never(_)) = tail::return_type(&function.signature) {
        "`feedback` reads what the function returns, and this one never returns; remove it"
    } else if function.attributes.iter().any(|attribute| attribute.path().is_ident("track_caller")) {
        "`feedback` makes a closure of the body, in which `#[track_caller]` is lost; remove one of the two"
    } else {
        return Ok(());
    };
    Err(syn::Error::new(feedback.span(), message))
}

/// Everything of the function but its body is passed on token by token: rebuilt tokens would take its lints along.
fn emit(function: &Function, (lifted, body): (TokenStream, TokenStream)) -> TokenStream {
    let Function { attributes, visibility, signature, body: braces } = function;
    let mut tokens = quote!(#(#attributes)* #lifted #visibility #signature);
    tail::rebuilt(braces, body).to_tokens(&mut tokens);
    tokens
}
