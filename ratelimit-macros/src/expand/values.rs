//! What is computed at each call: key, weight and delay.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::{Expr, ReturnType};

use super::borrow;
use super::scan::{calls_macro, mentions};
use super::spans::{Ends, call, ours, parentheses};
use crate::args::literal::Delay;
use crate::args::{ByName, Computed, Format, Key, MaxDelay, Weight};

/// How a value comes to the call that waits.
pub(super) struct Value {
    /// Computes it: in a statement of its own, so that its temporaries are gone before anything is awaited.
    pub(super) statement: TokenStream,
    /// Names it.
    pub(super) argument: TokenStream,
}

impl Value {
    /// One that needs no computing.
    pub(super) fn given(argument: TokenStream) -> Self {
        Value { statement: TokenStream::new(), argument }
    }

    fn computed(name: &str, value: &TokenStream) -> Self {
        let site = Span::mixed_site();
        let name = Ident::new(name, site);
        Value {
            statement: quote_spanned!(site=> let #name = #value;),
            argument: quote_spanned!(site=> #name),
        }
    }
}

pub(super) fn key(key: &Key) -> Value {
    let site = Span::mixed_site();
    let value = match key {
        Key::Format(format) => {
            let Format { text, arguments } = format;
            let value = if let Some(argument) = format.alone() {
                quote_spanned!(ours(text.span())=> & #argument)
            } else {
                quote_spanned!(site=> &::core::format_args!(#text #(, #arguments = #arguments)*))
            };
            called("key", Ends::at(text.span()), &value)
        }
        Key::Computed(Computed::Expression(value)) => borrow::called(value, &key_of),
        Key::Computed(Computed::Closure(by_name)) => {
            key_inside(by_name).map_or_else(|| key_outside(by_name), |body| applied(by_name, &body))
        }
    };
    Value::computed("__key", &value)
}

fn key_outside(by_name: &ByName) -> TokenStream {
    let (at, value) = by(by_name);
    called("key", at, &quote_spanned!(ours(at.first)=> & #value))
}

/// The closure's body with the key given inside, where it is borrowed: outside, it would have been moved.
fn key_inside(by_name: &ByName) -> Option<TokenStream> {
    let inside = match by_name.closure.output {
        ReturnType::Default => borrow::at_places(by_name.body(), &key_of),
        ReturnType::Type(..) => None,
    };
    // A `return` gives a key too, and cannot be seen to borrow it; a macro may have one.
    inside.filter(|body| !mentions(body.clone(), &["return"]) && !calls_macro(body.clone()))
}

fn key_of(value: &Expr) -> TokenStream {
    let value = borrow::reference(value);
    called("key", Ends::of(&value), &value)
}

pub(super) fn weight(weight: &Weight) -> Value {
    match weight {
        Weight::Literal(weight, _) => {
            Value::given(quote_spanned!(Span::mixed_site()=> __rate_limited::Some(#weight)))
        }
        Weight::Computed(value) => {
            let (at, value) = computed(value);
            Value::computed("__weight", &called("weight", at, &value))
        }
    }
}

pub(super) fn max_delay(max_delay: &MaxDelay) -> Value {
    match max_delay {
        &MaxDelay::Literal(delay) => {
            let nanos = match delay {
                Delay::Nanos(nanos) => nanos,
                Delay::Forever => u64::MAX,
            };
            Value::given(quote_spanned!(Span::mixed_site()=> __rate_limited::Some(#nanos)))
        }
        MaxDelay::Computed(value) => {
            let (at, value) = computed(value);
            Value::computed("__max_delay", &called("max_delay", at, &value))
        }
    }
}

fn called(function: &str, at: Ends, value: &TokenStream) -> TokenStream {
    call(at, &[function], value.clone())
}

fn computed(computed: &Computed) -> (Ends, TokenStream) {
    match computed {
        Computed::Expression(value) => {
            let value = value.to_token_stream();
            (Ends::of(&value), value)
        }
        Computed::Closure(by_name) => by(by_name),
    }
}

fn by(by_name: &ByName) -> (Ends, TokenStream) {
    let body = by_name.body().to_token_stream();
    (Ends::of(&body), applied(by_name, &body))
}

/// A closure over the arguments. Only through a function does inference know the types of its parameters.
fn applied(by_name: &ByName, body: &TokenStream) -> TokenStream {
    let site = Span::mixed_site();
    let closure = &by_name.closure;
    let (capture, output) = (&closure.capture, &closure.output);
    let arguments = &by_name.arguments;
    let patterns = by_name.patterns();
    let types = by_name.types().map(|types| {
        let types = types.map(|ty| ty.map_or_else(|| quote_spanned!(site=> _), ToTokens::to_token_stream));
        quote_spanned!(site=> : (#(#types,)*))
    });
    // At the closure's bars: what the compiler says of the tuple is about the parameters.
    let bar = ours(closure.inputs_end.span);
    let arguments = parentheses(bar, quote_spanned!(bar=> #(&#arguments,)*));
    let patterns = parentheses(bar, quote_spanned!(bar=> #(#patterns,)*));
    let arguments = quote_spanned!(site=> #arguments, #capture |#patterns #types| #output #body);
    call(Ends::of(body), &["apply"], arguments)
}
