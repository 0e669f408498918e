//! The statements in front of the body: resolve the bucket, compute key, weight and delay, wait, or leave.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::{Expr, ReturnType, Type};

use super::item::Function;
use super::spans::{Ends, call, call_as, moved, ours};
use super::tail::Place;
use super::values::Value;
use super::{borrow, reading, scan, site, tail, values};
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

    /// The body with the prologue in front of it.
    pub(super) fn around(&self, place: &Place<'_>, body: TokenStream) -> TokenStream {
        let body = match &self.attribute.feedback {
            None => body,
            Some((_, feedback)) => reading::around(self, feedback, place, body),
        };
        self.emit(place.wait).into_iter().chain(body).collect()
    }

    fn emit(&self, wait: Wait) -> TokenStream {
        let site = Span::mixed_site();
        let import = self.import();
        let (begin, wait_for_it) = self.call(wait);
        let let_site = self.is_told().then(|| self.let_site());
        let marked = quote_spanned!(site=> __rate_limited::Site::mark(__site, __permit));
        let refused = self.refused(wait);
        let allow = self.allow();
        // The permit is the function's first variable, hence the last to be dropped. A name of the user's is his own
        // token: the body sees it, and the compiler says when it does not use it.
        match &self.attribute.permit {
            None if self.attribute.feedback.is_some() => {
                let given = self.given_type(wait);
                quote_spanned! {site=>
                    let (__permit, __given) = {
                        #import
                        let __given = __rate_limited::Given #given ::new();
                        if let __rate_limited::Some(__value) = __given.nothing() {
                            return __value;
                        }
                        #let_site
                        #begin
                        match #wait_for_it {
                            __rate_limited::Ok(__permit) => (#marked, __given),
                            __rate_limited::Err(__error) => return #refused,
                        }
                    };
                }
            }
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
                    #let_site
                    #begin
                    match #wait_for_it {
                        __rate_limited::Ok(__permit) => #marked,
                        __rate_limited::Err(__error) => return #refused,
                    }
                };
            },
        }
    }

    /// The type of what a returned future gives, where it is told: nothing else in the future knows of it.
    fn given_type(&self, wait: Wait) -> Option<TokenStream> {
        if wait == Wait::Thread || self.function.signature.asyncness.is_some() {
            return None;
        }
        let ty = self.written(wait)?;
        Some(moved(quote_spanned!(Span::mixed_site()=> ::<#ty>)))
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
        // What a future borrowed while it waits would have to be `Sync`. And a bucket whose answers are read is told so
        // where it is found.
        if let (Wait::Thread, Target::Dynamic(bucket), None, None) =
            (wait, &self.attribute.target, &self.attribute.registry, &values)
            && borrow::is_named(bucket)
            && self.attribute.feedback.is_none()
        {
            let the_site = self.site();
            let bucket = borrow::reference(bucket);
            let arguments = quote_spanned!(site=> #the_site, #bucket);
            return (TokenStream::new(), call(Ends::of(&bucket), &["Site", "acquire_on"], arguments));
        }
        let begin = self.begin();
        let (owner, subject) = match &begin {
            None => ("Site", self.site()),
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
    pub(super) fn import(&self) -> TokenStream {
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
                let let_site = (!self.is_told()).then(|| self.let_site());
                let (let_registry, call) = match registry {
                    None => (None, call_on(bucket, "call_on", &TokenStream::new())),
                    Some(registry) => {
                        let (_, name, let_registry) = let_registry(registry);
                        let call = call_on(bucket, "call_on_in", &quote_spanned!(site=> #name,));
                        (Some(let_registry), call)
                    }
                };
                quote_spanned!(site=> #let_site #let_registry #call)
            }
            (_, Some(registry)) => {
                let the_site = self.site();
                let (at, name, let_registry) = let_registry(registry);
                let call = call(at, &["Site", "call_in"], quote_spanned!(site=> #the_site, #name));
                quote_spanned!(site=> #let_registry #call)
            }
            (_, None) => return None,
        };
        Some(quote_spanned!(site=> let __call = { #call };))
    }

    /// The call site, by the variable that holds it where there is one.
    fn site(&self) -> TokenStream {
        if self.is_told() {
            return quote_spanned!(Span::mixed_site()=> __site);
        }
        site::the_static(self.attribute, self.function)
    }

    fn let_site(&self) -> TokenStream {
        let the_static = site::the_static(self.attribute, self.function);
        quote_spanned!(Span::mixed_site()=> let __site = #the_static;)
    }

    /// Whether the server's answers may be told of: the permit is then marked with the site that it is of.
    fn is_told(&self) -> bool {
        self.attribute.permit.is_some() || self.attribute.feedback.is_some()
    }

    /// What the function gives when it is refused, underlined at its return type.
    fn refused(&self, wait: Wait) -> TokenStream {
        let site = Span::mixed_site();
        let Some(on_limited) = &self.attribute.on_limited else {
            return call(self.output(wait), &["FromLimited", "from_limited"], quote_spanned!(site=> __error));
        };
        // A closure is read with that type in view, and so is wrong itself where it gives another. What a function
        // gives may still be made into it.
        let ty = match on_limited {
            Expr::Closure(closure) if matches!(closure.output, ReturnType::Default) => self.written(wait),
            _ => None,
        };
        let on_limited = on_limited.to_token_stream();
        let at = Ends::of(&on_limited);
        // At a place of ours: what lints have to say of the type they have said of the function's head.
        let types = ty.map(|ty| quote_spanned!(ours(at.first)=> ::<_, #ty>)).map(moved).unwrap_or_default();
        call_as(at, &["apply"], &types, quote_spanned!(site=> __error, #on_limited))
    }

    /// Where the type of what is given stands.
    pub(super) fn output(&self, wait: Wait) -> Ends {
        match self.given(wait).or_else(|| tail::return_type(&self.function.signature)) {
            Some(ty) => Ends::of(&ty.to_token_stream()),
            None => Ends::at(self.function.signature.ident.span()),
        }
    }

    /// The type of what is given, where it may be written in the body too.
    fn written(&self, wait: Wait) -> Option<TokenStream> {
        self.given(wait)
            .map(ToTokens::to_token_stream)
            .filter(scan::may_be_repeated)
            .filter(|_| !scan::may_have_items(self.function.body.stream()))
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
