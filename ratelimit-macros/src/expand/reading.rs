//! `feedback`: the body runs inside, so that all its ends come by the reading of what it gives.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote_spanned};

use super::prologue::{Prologue, Wait};
use super::spans::{Ends, call, ours, parentheses};
use super::tail::{Place, rebuilt};
use crate::args::Feedback;

/// The body with what reads what it gives behind it.
///
/// A `return` and a `?` end the closure or the block that the body became. The type of what it gives is that of the
/// prologue's `return`, without being written a second time: it may be an `impl Trait`, or borrow from who knows what.
pub(super) fn around(
    prologue: &Prologue<'_>,
    feedback: &Feedback,
    place: &Place<'_>,
    body: TokenStream,
) -> TokenStream {
    let site = Span::mixed_site();
    // The compiler calls the block by where it stands, and would not call what it names by their names if it were ours.
    let at = place.braces.span_open();
    let output = ours(prologue.output(place.wait).first);
    let value = match place.wait {
        Wait::Thread => {
            let body = rebuilt(place.braces, body);
            let gives = quote_spanned!(output=> -> _);
            let closure = parentheses(site, quote_spanned!(at=> || #gives #body));
            quote_spanned!(site=> __given.call #closure)
        }
        Wait::Task => {
            // What the block around would only borrow, the one inside must not take either.
            let capture = &place.capture;
            let nothing = quote_spanned!(output=> __value);
            let first = quote_spanned! {site=>
                if let ::core::option::Option::Some(__value) = __given.nothing() {
                    return #nothing;
                }
            };
            let body = rebuilt(place.braces, first.into_iter().chain(body).collect());
            let block = quote_spanned!(at=> async #capture #body);
            // The waiting is ours: lints have nothing to say to the user of how large his block is.
            quote_spanned!(site=> #block .await)
        }
    };
    let import = prologue.import();
    let read = read(prologue, feedback, place.wait);
    quote_spanned! {site=>
        let __value = #value;
        { #import #read; }
        __value
    }
}

/// What is wrong with the type of what the function gives, the compiler says at that type, and what is wrong with the
/// user's closure there.
fn read(prologue: &Prologue<'_>, feedback: &Feedback, wait: Wait) -> TokenStream {
    match feedback {
        Feedback::Itself => {
            let at = prologue.output(wait);
            let value = value(at);
            call(at, &["observe"], quote_spanned!(ours(at.first)=> &__permit, #value))
        }
        Feedback::By(by) => {
            let by = by.to_token_stream();
            let at = Ends::of(&by);
            let value = value(at);
            call(at, &["observe_by"], quote_spanned!(ours(at.first)=> &__permit, #value, #by))
        }
    }
}

fn value(at: Ends) -> TokenStream {
    let mut tokens = quote_spanned!(ours(at.first)=> &);
    quote_spanned!(ours(at.last)=> __value).to_tokens(&mut tokens);
    tokens
}
