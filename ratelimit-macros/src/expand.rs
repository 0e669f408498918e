//! From an attribute and a function to the function with a prologue. A plain function over tokens, so that it is
//! tested without a compiler.

mod borrow;
mod item;
mod prologue;
mod scan;
mod spans;
mod tail;
#[cfg(test)]
mod tests;
mod values;

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::Type;

use self::item::Function;
use self::prologue::{Prologue, Wait};
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
    let emit =
        |wait| attribute.map(|attribute| Prologue::new(attribute, function).emit(wait)).unwrap_or_default();
    if signature.asyncness.is_some() {
        return Ok((lifted, tail::front(statements.into_iter().collect(), &emit(Wait::Task))));
    }
    if let Some(body) = tail::into_future(&statements, &|| emit(Wait::Task)) {
        return Ok((lifted, body));
    }
    match tail::return_type(signature) {
        Some(ty) if tail::is_future(ty) => Err(opaque(ty)),
        _ => Ok((lifted, tail::front(statements.into_iter().collect(), &emit(Wait::Thread)))),
    }
}

fn opaque(ty: &Type) -> syn::Error {
    syn::Error::new_spanned(
        ty,
        "cannot tell where the returned future starts; write `async fn`, or end the body with `async move { .. }`",
    )
}

/// Everything of the function but its body is passed on token by token: rebuilt tokens would take its lints along.
fn emit(function: &Function, (lifted, body): (TokenStream, TokenStream)) -> TokenStream {
    let Function { attributes, visibility, signature, body: braces } = function;
    let mut tokens = quote!(#(#attributes)* #lifted #visibility #signature);
    tail::rebuilt(braces, body).to_tokens(&mut tokens);
    tokens
}
