//! The statements in front of the body: resolve the bucket, compute key, weight and delay, wait, or leave.

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote_spanned};
use syn::ext::IdentExt;
use syn::{Expr, Path, ReturnType, Signature, Type};

use crate::args::literal::{Delay, Rate, Shape};
use crate::args::{Attribute, ByName, Computed, Format, Key, MaxDelay, Target, Weight};

/// How the prologue waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    Thread,
    Task,
}

/// Emits one prologue. Its variables cannot meet the user's: they are hygienic, their names are such that no constant
/// has them (a `let` of a constant's name would be a pattern), and the one item stands in a block without user code.
pub(super) struct Prologue<'a> {
    attribute: &'a Attribute,
    signature: &'a Signature,
}

impl<'a> Prologue<'a> {
    pub(super) fn new(attribute: &'a Attribute, signature: &'a Signature) -> Self {
        Prologue { attribute, signature }
    }

    pub(super) fn emit(&self, wait: Wait) -> TokenStream {
        let site = Span::mixed_site();
        let private = self.private(site);
        let begin = self.begin();
        // Each value is computed in a statement of its own: its temporaries are gone before anything is awaited.
        let key = self.attribute.key.as_ref().map(|key| self.key(key));
        let weight = self.attribute.weight.as_ref().map(|weight| self.weight(weight));
        let max_delay = self.attribute.max_delay.as_ref().map(|max_delay| self.max_delay(max_delay));
        let acquired = match wait {
            Wait::Thread => quote_spanned!(site=> #private::Call::acquire(__call)),
            Wait::Task => quote_spanned!(site=> #private::Call::acquire_async(__call).await),
        };
        let refused = self.refused();
        let allow = self.allow();
        // The permit is the function's first variable, hence the last to be dropped. A name of the user's is his own
        // token: the body sees it, and the compiler says when it does not use it.
        let permit = self.attribute.permit.clone().unwrap_or_else(|| Ident::new("__permit", site));
        quote_spanned! {site=>
            #allow
            let #permit = {
                #begin
                #key
                #weight
                #max_delay
                match #acquired {
                    ::core::result::Result::Ok(__permit) => __permit,
                    ::core::result::Result::Err(__error) => return #refused,
                }
            };
        }
    }

    /// Resolves the bucket.
    fn begin(&self) -> TokenStream {
        let site = Span::mixed_site();
        let the_static = self.the_static();
        let registry = self.attribute.registry.as_ref();
        // A variable, so that the expression is not read with the expectation of a `Registry`; in a block, so that
        // what it borrows from is gone before the wait.
        let name = registry.map(|value| Ident::new("__registry", ends(value).0.resolved_at(site)));
        let let_registry = registry.map(|value| {
            let value = borrowed(value);
            quote_spanned!(site=> let #name = #value;)
        });
        let call = match (&self.attribute.target, registry) {
            (Target::Dynamic(bucket), _) => {
                let method = if registry.is_some() { "call_on_in" } else { "call_on" };
                let name = name.into_iter();
                let value = borrowed(bucket);
                let arguments = quote_spanned!(site=> #the_static, #(#name,)* #value);
                self.call(ends(bucket), &["Site", method], arguments)
            }
            (_, None) => self.call((site, site), &["Site", "call"], the_static),
            (_, Some(value)) => {
                self.call(ends(value), &["Site", "call_in"], quote_spanned!(site=> #the_static, #name))
            }
        };
        match let_registry {
            None => quote_spanned!(site=> let __call = #call;),
            Some(let_registry) => quote_spanned!(site=> let __call = { #let_registry #call };),
        }
    }

    /// The call site's static. One for all instances of a generic function: it can name no type of theirs.
    fn the_static(&self) -> TokenStream {
        let site = Span::mixed_site();
        let private = self.private(site);
        let name = self.signature.ident.unraw().to_string();
        let function = quote_spanned!(site=> ::core::concat!(::core::module_path!(), "::", #name));
        let new = match &self.attribute.target {
            Target::Named(bucket) => quote_spanned!(site=> named(#bucket, #function)),
            Target::Declared(bucket, rate) => {
                let rate = self.rate(*rate);
                quote_spanned!(site=> declared(#bucket, #rate, #function))
            }
            Target::Own(rate) => {
                let rate = self.rate(*rate);
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
        quote_spanned!(site=> { static SITE: #private::Site = #private::Site::#new; &SITE })
    }

    fn rate(&self, rate: Rate) -> TokenStream {
        let site = Span::mixed_site();
        let private = self.private(site);
        let Rate { amount, nanos, shape } = rate;
        let shape = match shape {
            Shape::Sliding => TokenStream::new(),
            Shape::Burst(burst) => quote_spanned!(site=> .burst(#burst)),
            Shape::Fixed => quote_spanned!(site=> .fixed()),
        };
        quote_spanned! {site=>
            #private::Rate::new(#amount, ::core::time::Duration::from_nanos(#nanos)) #shape
        }
    }

    fn key(&self, key: &Key) -> TokenStream {
        let site = Span::mixed_site();
        let (at, key) = match key {
            Key::Format(Format { text, arguments }) => (
                ends(text),
                quote_spanned!(site=> &::core::format_args!(#text #(, #arguments = #arguments)*)),
            ),
            Key::Computed(Computed::Expression(value)) => (ends(value), borrowed(value)),
            Key::Computed(Computed::Closure(by_name)) => {
                let at = ends(by_name.body());
                let applied = self.applied(by_name);
                (at, quote_spanned!(at.0.resolved_at(site)=> & #applied))
            }
        };
        let call = self.call(at, &["Call", "key"], quote_spanned!(site=> __call, #key));
        quote_spanned!(site=> let __call = #call;)
    }

    fn weight(&self, weight: &Weight) -> TokenStream {
        let site = Span::mixed_site();
        let (at, weight) = match weight {
            &Weight::Literal(weight, span) => {
                ((span, span), quote_spanned!(span.resolved_at(site)=> #weight))
            }
            Weight::Computed(computed) => self.computed(computed),
        };
        let call = self.call(at, &["Call", "weight"], quote_spanned!(site=> __call, #weight));
        quote_spanned!(site=> let __call = #call;)
    }

    fn max_delay(&self, max_delay: &MaxDelay) -> TokenStream {
        let site = Span::mixed_site();
        let (at, max_delay) = match max_delay {
            &MaxDelay::Literal(Delay::Nanos(nanos), span) => {
                ((span, span), quote_spanned!(site=> ::core::time::Duration::from_nanos(#nanos)))
            }
            &MaxDelay::Literal(Delay::Forever, span) => {
                ((span, span), quote_spanned!(site=> ::core::time::Duration::MAX))
            }
            MaxDelay::Computed(computed) => self.computed(computed),
        };
        let ty = quote_spanned!(at.0.resolved_at(site)=> ::core::time::Duration);
        let call = self.call(at, &["Call", "max_delay"], quote_spanned!(site=> __call, __max_delay));
        quote_spanned!(site=> let __max_delay: #ty = #max_delay; let __call = #call;)
    }

    fn computed(&self, computed: &Computed) -> ((Span, Span), TokenStream) {
        match computed {
            Computed::Expression(value) => (ends(value), value.to_token_stream()),
            Computed::Closure(by_name) => (ends(by_name.body()), self.applied(by_name)),
        }
    }

    /// A closure over the arguments. Only through a function does inference know the types of its parameters.
    fn applied(&self, by_name: &ByName) -> TokenStream {
        let site = Span::mixed_site();
        let closure = &by_name.closure;
        let (capture, output, body) = (&closure.capture, &closure.output, &closure.body);
        let arguments = &by_name.arguments;
        let patterns = by_name.patterns();
        let types = by_name.types().map(|types| {
            let types =
                types.map(|ty| ty.map_or_else(|| quote_spanned!(site=> _), ToTokens::to_token_stream));
            quote_spanned!(site=> : (#(#types,)*))
        });
        let arguments = quote_spanned! {site=>
            (#(&#arguments,)*), #capture |(#(#patterns,)*) #types| #output #body
        };
        self.call(ends(body), &["apply"], arguments)
    }

    /// What the function gives when it is refused, underlined at its return type.
    fn refused(&self) -> TokenStream {
        let site = Span::mixed_site();
        if let Some(on_limited) = &self.attribute.on_limited {
            return self.call(ends(on_limited), &["apply"], quote_spanned!(site=> __error, #on_limited));
        }
        let at = match &self.signature.output {
            ReturnType::Default => ends(&self.signature.ident),
            ReturnType::Type(_, ty) => ends(ty),
        };
        self.call(at, &["FromLimited", "from_limited"], quote_spanned!(site=> __error))
    }

    /// Only a function that never returns needs a lint silenced: leaving it early is then "unreachable".
    fn allow(&self) -> Option<TokenStream> {
        match &self.signature.output {
            ReturnType::Type(_, ty) if matches!(**ty, Type::Never(_)) => {
                Some(quote_spanned!(Span::mixed_site()=>
                    #[allow(unreachable_code, clippy::diverging_sub_expression)]
                ))
            }
            _ => None,
        }
    }

    /// `K::path(arguments)`, which rustc underlines from the first span to the last: a path starts at its first
    /// token, a call ends at its parenthesis. One token elsewhere would have it underline the whole attribute.
    fn call(&self, (first, last): (Span, Span), path: &[&str], arguments: TokenStream) -> TokenStream {
        let path = self.path(first, path);
        let mut group = Group::new(Delimiter::Parenthesis, arguments);
        group.set_span(last.resolved_at(Span::mixed_site()));
        quote_spanned!(last=> #path #group)
    }

    fn path(&self, span: Span, path: &[&str]) -> TokenStream {
        let private = self.private(span);
        let here = span.resolved_at(Span::mixed_site());
        let path = path.iter().map(|segment| Ident::new(segment, here));
        quote_spanned!(here=> #private #(::#path)*)
    }

    /// `::rate_limited::__private`, every token of it at `span`.
    fn private(&self, span: Span) -> TokenStream {
        let here = span.resolved_at(Span::mixed_site());
        match &self.attribute.krate {
            None => quote_spanned!(here=> ::rate_limited::__private),
            Some(krate) => {
                let krate = moved(krate, span);
                quote_spanned!(here=> #krate::__private)
            }
        }
    }
}

/// The user's path at another place, with its own hygiene: `$crate` must mean the same crate.
fn moved(path: &Path, span: Span) -> TokenStream {
    path.to_token_stream()
        .into_iter()
        .map(|mut tree| {
            tree.set_span(tree.span().located_at(span));
            tree
        })
        .collect()
}

/// A reference to the value of an expression, which is never moved. In parentheses where `&` would bind tighter.
fn borrowed(value: &Expr) -> TokenStream {
    let (first, _) = ends(value);
    let site = first.resolved_at(Span::mixed_site());
    let tight = matches!(
        value,
        Expr::Array(_)
            | Expr::Call(_)
            | Expr::Field(_)
            | Expr::Index(_)
            | Expr::Lit(_)
            | Expr::Macro(_)
            | Expr::MethodCall(_)
            | Expr::Paren(_)
            | Expr::Path(_)
            | Expr::Reference(_)
            | Expr::Tuple(_)
            | Expr::Unary(_)
    );
    if tight {
        return quote_spanned!(site=> & #value);
    }
    let mut group = Group::new(Delimiter::Parenthesis, value.to_token_stream());
    group.set_span(site);
    quote_spanned!(site=> & #group)
}

/// The spans of the first and the last token.
fn ends(tokens: &impl ToTokens) -> (Span, Span) {
    let mut trees = tokens.to_token_stream().into_iter();
    let first = trees.next().map(|tree| tree.span());
    let last = trees.last().as_ref().map(TokenTree::span).or(first);
    (first.unwrap_or_else(Span::call_site), last.unwrap_or_else(Span::call_site))
}
