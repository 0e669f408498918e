//! How a value is borrowed that the user wrote as if it were moved.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote_spanned};
use syn::token::Brace;
use syn::{Block, Expr, Macro, Stmt, UnOp};

use super::spans::{Ends, ours, parentheses};

/// A reference to the value. In parentheses where `&` would bind tighter.
///
/// The `&` stands at the user's own place, or the compiler would underline nothing but the value's first token. But of
/// `&*x`, `&x[..]` and `&CONSTANT` lints would then say what is said of code that somebody wrote.
pub(super) fn reference(value: &Expr) -> TokenStream {
    let tokens = value.to_token_stream();
    let Ends { first, last } = Ends::of(&tokens);
    match bare(value) {
        Expr::Index(_) | Expr::Path(_) | Expr::Unary(_) => quote_spanned!(ours(first)=> & #tokens),
        Expr::Array(_)
        | Expr::Call(_)
        | Expr::Field(_)
        | Expr::Lit(_)
        | Expr::Macro(_)
        | Expr::MethodCall(_)
        | Expr::Paren(_)
        | Expr::Reference(_)
        | Expr::Tuple(_) => quote_spanned!(first=> & #tokens),
        _ => {
            let group = parentheses(last, tokens);
            quote_spanned!(first=> & #group)
        }
    }
}

/// Without the parentheses and the invisible groups around it.
fn bare(value: &Expr) -> &Expr {
    match value {
        Expr::Paren(inner) => bare(&inner.expr),
        Expr::Group(inner) => bare(&inner.expr),
        value => value,
    }
}

/// A reference that outlives the expression, where one to its value would not or the value would be moved.
pub(super) fn lasting(value: &Expr) -> TokenStream {
    at_tails(value, outlives, &reference).unwrap_or_else(|| reference(value))
}

/// The expression with `call` around its value; or around each place that may be its value, since there a place can
/// be borrowed, and out of an `if`, a `match` or a block it is moved.
pub(super) fn called(value: &Expr, call: &dyn Fn(&Expr) -> TokenStream) -> TokenStream {
    at_places(value, call).unwrap_or_else(|| call(value))
}

/// The expression with `call` around each place that may be its value. `None` if its value may be no place.
pub(super) fn at_places(value: &Expr, call: &dyn Fn(&Expr) -> TokenStream) -> Option<TokenStream> {
    at_tails(value, |_| true, call)
}

fn at_tails(
    value: &Expr,
    accepts: fn(&Expr) -> bool,
    call: &dyn Fn(&Expr) -> TokenStream,
) -> Option<TokenStream> {
    if is_place(value) {
        return accepts(value).then(|| call(value));
    }
    // Around a call of ours, a lint would take them for the user's, and for superfluous.
    if let Some(value) = within(value) {
        return at_tails(value, accepts, call);
    }
    if !matches!(value, Expr::If(_) | Expr::Match(_) | Expr::Block(_)) {
        return None;
    }
    let mut value = value.clone();
    let mut places = Vec::new();
    let all = tails(&mut value, &mut places) && places.iter().all(|place| accepts(place));
    if !all || places.is_empty() {
        return None;
    }
    for place in places {
        *place = Expr::Verbatim(call(place));
    }
    Some(value.into_token_stream())
}

/// What stands in parentheses, or alone in a block that is nothing but braces.
fn within(value: &Expr) -> Option<&Expr> {
    match value {
        Expr::Paren(inner) => Some(&inner.expr),
        Expr::Block(inner) if inner.label.is_none() && inner.attrs.is_empty() => {
            match inner.block.stmts.as_slice() {
                [Stmt::Expr(value, None)] => Some(value),
                _ => None,
            }
        }
        _ => None,
    }
}

/// Collects the places that may be the value. Whether nothing else may be.
///
/// A choice between calls of ours is marked as ours, from its first token to its last: a lint would have the user
/// write it in another way.
fn tails<'a>(value: &'a mut Expr, places: &mut Vec<&'a mut Expr>) -> bool {
    if is_place(value) {
        places.push(value);
        return true;
    }
    match value {
        Expr::Group(inner) => tails(&mut inner.expr, places),
        // What a `break` carries out of a labeled block is its value too.
        Expr::Block(inner) if inner.label.is_none() => tail(&mut inner.block, places),
        Expr::If(choice) => {
            choice.if_token.span = ours(choice.if_token.span);
            let Some((_, otherwise)) = &mut choice.else_branch else { return false };
            if let Expr::Block(last) = &mut **otherwise {
                mark(&mut last.block.brace_token);
            }
            tail(&mut choice.then_branch, places) && tails(otherwise, places)
        }
        Expr::Match(choice) => {
            choice.match_token.span = ours(choice.match_token.span);
            mark(&mut choice.brace_token);
            choice.arms.iter_mut().all(|arm| tails(&mut arm.body, places))
        }
        Expr::Return(_) | Expr::Break(_) | Expr::Continue(_) => true,
        Expr::Macro(call) => diverges(&call.mac),
        _ => false,
    }
}

fn mark(brace: &mut Brace) {
    *brace = Brace(ours(brace.span.join()));
}

fn tail<'a>(block: &'a mut Block, places: &mut Vec<&'a mut Expr>) -> bool {
    match block.stmts.last_mut() {
        Some(Stmt::Expr(value, None)) => tails(value, places),
        Some(Stmt::Expr(last, Some(_))) => {
            matches!(last, Expr::Return(_) | Expr::Break(_) | Expr::Continue(_))
        }
        Some(Stmt::Macro(last)) => diverges(&last.mac),
        _ => false,
    }
}

fn diverges(call: &Macro) -> bool {
    call.path.segments.last().is_some_and(|name| {
        ["panic", "unreachable", "todo", "unimplemented"].iter().any(|known| name.ident == known)
    })
}

/// Whether the expression is a name, or a field of one: nothing is made for it that lives on while a call waits.
pub(super) fn is_named(value: &Expr) -> bool {
    match value {
        Expr::Group(inner) => is_named(&inner.expr),
        Expr::Field(field) => is_named(&field.base),
        Expr::Path(_) => true,
        _ => false,
    }
}

fn is_place(value: &Expr) -> bool {
    match value {
        Expr::Group(inner) => is_place(&inner.expr),
        Expr::Paren(inner) => is_place(&inner.expr),
        Expr::Path(_) | Expr::Field(_) | Expr::Index(_) => true,
        Expr::Unary(unary) => matches!(unary.op, UnOp::Deref(_)),
        _ => false,
    }
}

/// Whether a place is one of `self`, or a static by its path: no variable of the expression itself.
fn outlives(place: &Expr) -> bool {
    match place {
        Expr::Group(inner) => outlives(&inner.expr),
        Expr::Paren(inner) => outlives(&inner.expr),
        Expr::Field(field) => outlives(&field.base),
        Expr::Index(index) => outlives(&index.expr),
        Expr::Unary(unary) => outlives(&unary.expr),
        Expr::Path(path) => path
            .path
            .get_ident()
            .is_none_or(|name| name == "self" || !name.to_string().contains(char::is_lowercase)),
        _ => false,
    }
}
