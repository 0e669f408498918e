//! The static of a call site.

use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;
use syn::ext::IdentExt;

use super::item::Function;
use crate::args::literal::{Rate, Shape};
use crate::args::{Attribute, Target};

/// A reference to it. One for all instances of a generic function: it can name no type of theirs.
pub(super) fn the_static(attribute: &Attribute, function: &Function) -> TokenStream {
    let site = Span::mixed_site();
    let name = function.signature.ident.unraw().to_string();
    let function = quote_spanned!(site=> ::core::concat!(::core::module_path!(), "::", #name));
    let new = match &attribute.target {
        Target::Named(bucket) => quote_spanned!(site=> named(#bucket, #function)),
        Target::Declared(bucket, new) => {
            let rate = rate(*new);
            quote_spanned!(site=> declared(#bucket, #rate, #function))
        }
        Target::Own(new) => {
            let rate = rate(*new);
            quote_spanned! {site=> own(
                ::core::concat!(
                    ::core::module_path!(), "::", #name, "@", ::core::line!(), ":", ::core::column!()
                ),
                #rate,
                #function
            )}
        }
        Target::Dynamic(_) => quote_spanned!(site=> dynamic(#function)),
    };
    let read = attribute.feedback.as_ref().map(|_| quote_spanned!(site=> .with_feedback()));
    quote_spanned!(site=> { static SITE: __rate_limited::Site = __rate_limited::Site::#new #read; &SITE })
}

fn rate(rate: Rate) -> TokenStream {
    let site = Span::mixed_site();
    let Rate { amount, nanos, shape } = rate;
    let shape = match shape {
        Shape::Sliding => TokenStream::new(),
        Shape::Burst(burst) => quote_spanned!(site=> .burst(#burst)),
        Shape::Fixed => quote_spanned!(site=> .fixed()),
    };
    quote_spanned! {site=>
        __rate_limited::Rate::new(#amount, ::core::time::Duration::from_nanos(#nanos)) #shape
    }
}
