//! The statements in front of the body: resolve the bucket, compute key, weight and delay, wait, or leave.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::{Expr, ReturnType, Type};

use super::item::Function;
use super::spans::{Ends, call, call_as, moved, ours};
use super::values::Value;
use super::{borrow, scan, tail, values};
use crate::args::literal::{Rate, Shape};
use crate::args::{Attribute, Target};

/// How the prologue waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    Thread,
    Task,
}

/// Emits one prologue. Its variables cannot meet the user's, unless he has a constant of such a name (a `let` of it
/// would be a pattern): they are hygienic. Items are not: the static stands in a block without user code, and the
/// import is under a name that is nobody's.
pub(super) struct Prologue<'a> {
    attribute: &'a Attribute,
    function: &'a Function,
}

impl<'a> Prologue<'a> {
    pub(super) fn new(attribute: &'a Attribute, function: &'a Function) -> Self {
        Prologue { attribute, function }
    }

    pub(super) fn emit(&self, wait: Wait) -> TokenStream {
        let site = Span::mixed_site();
        let import = self.import();
        let (begin, wait_for_it) = self.call(wait);
        let refused = self.refused(wait);
        let allow = self.allow();
        // The permit is the function's first variable, hence the last to be dropped. A name of the user's is his own
        // token: the body sees it, and the compiler says when it does not use it.
        match &self.attribute.permit {
            // What nobody looks into stays what it came as: taking it out costs the compiler as much as waiting for it.
            None => quote_spanned! {site=>
                #allow
                let __permit = {
                    #import
                    #begin
                    let __permit = #wait_for_it;
                    if let __rate_limited::Err(__error) = __permit {
                        return #refused;
                    }
                    __permit
                };
            },
            Some(permit) => quote_spanned! {site=>
                #allow
                let #permit = {
                    #import
                    #begin
                    match #wait_for_it {
                        __rate_limited::Ok(__permit) => __permit,
                        __rate_limited::Err(__error) => return #refused,
                    }
                };
            },
        }
    }

    /// The statements that lead up to the call that waits, and that call.
    fn call(&self, wait: Wait) -> (TokenStream, TokenStream) {
        let site = Span::mixed_site();
        let verb = match wait {
            Wait::Thread => "acquire",
            Wait::Task => "acquire_async",
        };
        let awaited = (wait == Wait::Task).then(|| quote_spanned!(site=> .await));
        let values = self.values();
        // What a future borrowed while it waits would have to be `Sync`.
        if let (Wait::Thread, Target::Dynamic(bucket), None, None) =
            (wait, &self.attribute.target, &self.attribute.registry, &values)
            && borrow::is_named(bucket)
        {
            let the_static = self.the_static();
            let bucket = borrow::reference(bucket);
            let arguments = quote_spanned!(site=> #the_static, #bucket);
            return (TokenStream::new(), call(Ends::of(&bucket), &["Site", "acquire_on"], arguments));
        }
        let begin = self.begin();
        let (owner, subject) = match &begin {
            None => ("Site", self.the_static()),
            Some(_) => ("Call", quote_spanned!(site=> __call)),
        };
        let verb = if values.is_some() { format!("{verb}_with") } else { verb.to_owned() };
        let (owner, verb) = (Ident::new(owner, site), Ident::new(&verb, site));
        let statements = values.iter().flatten().map(|value| &value.statement);
        let arguments = values.iter().flatten().map(|value| &value.argument);
        (
            quote_spanned!(site=> #begin #(#statements)*),
            quote_spanned!(site=> __rate_limited::#owner::#verb(#subject #(, #arguments)*) #awaited),
        )
    }

    /// Key, weight and delay of the call, where any is told.
    fn values(&self) -> Option<[Value; 3]> {
        let Attribute { key, weight, max_delay, .. } = self.attribute;
        if key.is_none() && weight.is_none() && max_delay.is_none() {
            return None;
        }
        let given = |value| Value::given(quote_spanned!(Span::mixed_site()=> __rate_limited::#value));
        Some([
            key.as_ref().map_or_else(|| given(quote!(None)), values::key),
            weight.as_ref().map_or_else(|| given(quote!(Some(1))), values::weight),
            max_delay.as_ref().map_or_else(|| given(quote!(None)), values::max_delay),
        ])
    }

    /// The one mention of the crate: where it is not found, the compiler says so once, and at the path.
    fn import(&self) -> TokenStream {
        let site = Span::mixed_site();
        match &self.attribute.krate {
            None => quote_spanned!(site=> use ::rate_limited::__private as __rate_limited;),
            Some(krate) => quote_spanned!(site=> use #krate::__private as __rate_limited;),
        }
    }

    /// Resolves the bucket, where that is more than to look at the call site's static.
    fn begin(&self) -> Option<TokenStream> {
        let site = Span::mixed_site();
        let call = match (&self.attribute.target, self.attribute.registry.as_ref()) {
            (Target::Dynamic(bucket), registry) => {
                let the_static = self.the_static();
                let (let_registry, call) = match registry {
                    None => (None, call_on(bucket, "call_on", &TokenStream::new())),
                    Some(registry) => {
                        let (_, name, let_registry) = let_registry(registry);
                        let call = call_on(bucket, "call_on_in", &quote_spanned!(site=> #name,));
                        (Some(let_registry), call)
                    }
                };
                quote_spanned!(site=> let __site = #the_static; #let_registry #call)
            }
            (_, Some(registry)) => {
                let the_static = self.the_static();
                let (at, name, let_registry) = let_registry(registry);
                let call = call(at, &["Site", "call_in"], quote_spanned!(site=> #the_static, #name));
                quote_spanned!(site=> #let_registry #call)
            }
            (_, None) => return None,
        };
        Some(quote_spanned!(site=> let __call = { #call };))
    }

    /// The call site's static. One for all instances of a generic function: it can name no type of theirs.
    fn the_static(&self) -> TokenStream {
        let site = Span::mixed_site();
        let name = self.function.signature.ident.unraw().to_string();
        let function = quote_spanned!(site=> ::core::concat!(::core::module_path!(), "::", #name));
        let new = match &self.attribute.target {
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
        quote_spanned!(site=> { static SITE: __rate_limited::Site = __rate_limited::Site::#new; &SITE })
    }

    /// What the function gives when it is refused, underlined at its return type.
    fn refused(&self, wait: Wait) -> TokenStream {
        let site = Span::mixed_site();
        let given = self.given(wait);
        let Some(on_limited) = &self.attribute.on_limited else {
            let at = match given.or_else(|| tail::return_type(&self.function.signature)) {
                Some(ty) => Ends::of(&ty.to_token_stream()),
                None => Ends::at(self.function.signature.ident.span()),
            };
            return call(at, &["FromLimited", "from_limited"], quote_spanned!(site=> __error));
        };
        // A closure is read with that type in view, and so is wrong itself where it gives another. What a function
        // gives may still be made into it.
        let ty = match on_limited {
            Expr::Closure(closure) if matches!(closure.output, ReturnType::Default) => given
                .map(ToTokens::to_token_stream)
                .filter(scan::may_be_repeated)
                .filter(|_| !scan::may_have_items(self.function.body.stream())),
            _ => None,
        };
        let on_limited = on_limited.to_token_stream();
        let at = Ends::of(&on_limited);
        // At a place of ours: what lints have to say of the type they have said of the function's head.
        let types = ty.map(|ty| quote_spanned!(ours(at.first)=> ::<_, #ty>)).map(moved).unwrap_or_default();
        call_as(at, &["apply"], &types, quote_spanned!(site=> __error, #on_limited))
    }

    /// The type of what the body gives, or of what the future gives that it ends with; where it is told.
    fn given(&self, wait: Wait) -> Option<&Type> {
        let ty = tail::return_type(&self.function.signature)?;
        match wait {
            Wait::Task if self.function.signature.asyncness.is_none() => {
                Some(ty).filter(|ty| tail::is_future(ty)).and_then(tail::output)
            }
            _ => Some(ty),
        }
    }

    /// Only a function that never returns needs a lint silenced: leaving it early is then "unreachable".
    fn allow(&self) -> Option<TokenStream> {
        tail::return_type(&self.function.signature).filter(|ty| matches!(ty, Type::Never(_))).map(|_| {
            quote_spanned!(Span::mixed_site()=> #[allow(unreachable_code, clippy::diverging_sub_expression)])
        })
    }
}

/// Where the registry stands, the variable that refers to it, and the statement that binds the variable: of an
/// argument, the expression would be read with the expectation of a `Registry`.
fn let_registry(registry: &Expr) -> (Ends, Ident, TokenStream) {
    let value = borrow::lasting(registry);
    let at = Ends::of(&value);
    let name = Ident::new("__registry", ours(at.first));
    let statement = quote_spanned!(Span::mixed_site()=> let #name = #value;);
    (at, name, statement)
}

/// Begins the call where the bucket is: it need not outlive what it is borrowed from.
fn call_on(bucket: &Expr, method: &str, registry: &TokenStream) -> TokenStream {
    borrow::called(bucket, &|bucket| {
        let bucket = borrow::reference(bucket);
        let arguments = quote_spanned!(Span::mixed_site()=> __site, #registry #bucket);
        call(Ends::of(&bucket), &["Site", method], arguments)
    })
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
