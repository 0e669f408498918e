//! The variables that a function's arguments bind: what a key, weight or delay may name.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::{FnArg, Ident, Pat, Signature, Type};

use super::suggest;
use crate::errors::listed;

pub(crate) struct Bindings {
    names: Vec<Ident>,
    /// The types of those arguments that are plain names.
    types: Vec<(Ident, Type)>,
    receiver: Option<Ident>,
    /// Some argument is a pattern, or `_`: as a whole it has no name.
    nameless: bool,
    /// The item is not a function that could be read: any name may be an argument's.
    open: bool,
}

impl Bindings {
    pub(crate) fn of(signature: &Signature) -> Self {
        let mut bindings =
            Bindings { names: Vec::new(), types: Vec::new(), receiver: None, nameless: false, open: false };
        for argument in &signature.inputs {
            match argument {
                FnArg::Receiver(receiver) => {
                    bindings.receiver = Some(Ident::new("self", receiver.self_token.span));
                }
                FnArg::Typed(typed) => {
                    match &*typed.pat {
                        Pat::Ident(plain) => bindings.types.push((plain.ident.clone(), (*typed.ty).clone())),
                        _ => bindings.nameless = true,
                    }
                    collect(&typed.pat, &mut bindings.names);
                }
            }
        }
        bindings
    }

    /// Of an item that is no function: no name is wrong.
    pub(crate) fn open() -> Self {
        Bindings { names: Vec::new(), types: Vec::new(), receiver: None, nameless: false, open: true }
    }

    /// The argument that `name` names, standing where `name` stands.
    ///
    /// It keeps its own hygiene: inside `macro_rules` the closure and the function may come from different places.
    pub(crate) fn argument(&self, name: &Ident) -> syn::Result<Ident> {
        let text = name.unraw().to_string();
        match self.find(&text, name.span()) {
            Some(argument) => Ok(argument),
            None if self.open => Ok(name.clone()),
            None => Err(self.unknown(&text, name.span())),
        }
    }

    /// The argument of that name, standing at `span`.
    pub(super) fn find(&self, name: &str, span: Span) -> Option<Ident> {
        let mut argument = self.known().find(|known| known.unraw() == name)?.clone();
        argument.set_span(argument.span().located_at(span));
        Some(argument)
    }

    pub(super) fn may_have(&self, name: &str) -> bool {
        self.open || self.has(name)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.known().any(|known| known.unraw() == name)
    }

    /// Whether `ty` is written as the type of that argument, lifetimes aside.
    pub(super) fn has_type(&self, argument: &Ident, ty: &Type) -> bool {
        let argument = argument.unraw();
        self.types.iter().any(|(name, known)| name.unraw() == argument && bare(known) == bare(ty))
    }

    pub(super) fn unknown(&self, name: &str, span: Span) -> syn::Error {
        let names: Vec<String> = self.names.iter().map(|name| name.unraw().to_string()).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let hint = match (suggest::nearest(name, names.iter().copied()), names.len()) {
            // What `#[async_trait]` makes of `(a, b): (A, B)` before this attribute sees it.
            _ if names.iter().any(|name| name.starts_with("__arg")) => {
                "under `#[async_trait]` an argument must have a name, take it apart in the body".to_owned()
            }
            (Some(near), _) => format!("did you mean `{near}`?"),
            (None, 0) if self.nameless => "bind the argument to a name first".to_owned(),
            (None, 0) => "the function has no named arguments".to_owned(),
            (None, _) if self.nameless => {
                format!("bind the argument to a name first, or use {}", listed(&names, "or"))
            }
            (None, 1) => format!("the only argument is {}", listed(&names, "and")),
            (None, _) => format!("the arguments are {}", listed(&names, "and")),
        };
        syn::Error::new(span, format!("no argument named `{name}`; {hint}"))
    }

    fn known(&self) -> impl Iterator<Item = &Ident> {
        self.names.iter().chain(&self.receiver)
    }
}

/// A type's tokens without its lifetimes, which a closure has no need to repeat.
fn bare(ty: &Type) -> String {
    let mut lifetime = false;
    let kept = ty.to_token_stream().into_iter().filter(|tree| {
        let skipped = lifetime;
        lifetime = matches!(tree, TokenTree::Punct(punct) if punct.as_char() == '\'');
        !skipped && !lifetime
    });
    kept.collect::<TokenStream>().to_string()
}

fn collect(pattern: &Pat, names: &mut Vec<Ident>) {
    match pattern {
        Pat::Ident(ident) => {
            names.push(ident.ident.clone());
            if let Some((_, inner)) = &ident.subpat {
                collect(inner, names);
            }
        }
        Pat::Paren(inner) => collect(&inner.pat, names),
        Pat::Reference(inner) => collect(&inner.pat, names),
        Pat::Type(inner) => collect(&inner.pat, names),
        Pat::Slice(inner) => inner.elems.iter().for_each(|inner| collect(inner, names)),
        Pat::Struct(inner) => inner.fields.iter().for_each(|field| collect(&field.pat, names)),
        Pat::Tuple(inner) => inner.elems.iter().for_each(|inner| collect(inner, names)),
        Pat::TupleStruct(inner) => inner.elems.iter().for_each(|inner| collect(inner, names)),
        // Every alternative binds the same names.
        Pat::Or(inner) => inner.cases.first().into_iter().for_each(|inner| collect(inner, names)),
        _ => {}
    }
}
