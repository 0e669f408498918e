//! Where the prologue goes: to the front of the body, or into the future that the body ends with.

use proc_macro2::{Delimiter, Group, Spacing, TokenStream, TokenTree};
use quote::ToTokens;
use syn::parse::{ParseStream, Parser};
use syn::{GenericArgument, Item, PathArguments, ReturnType, Signature, Type, TypeParamBound};

use super::prologue::Wait;

/// Where a body stands.
pub(super) struct Place<'a> {
    pub(super) wait: Wait,
    pub(super) braces: &'a Group,
    /// `move`, if the future takes what its body names.
    pub(super) capture: TokenStream,
}

/// What becomes of a body, without the items that lead it.
pub(super) type Around<'a> = dyn Fn(&Place<'_>, TokenStream) -> TokenStream + 'a;

/// Puts the prologue into the `async` block that the body ends with: `async { .. }`, `async move { .. }`, either in
/// `Box::pin(..)` (as `#[async_trait]` makes them) or with `.boxed()` behind. `None` if it ends with no such block.
pub(super) fn into_future(body: &[TokenTree], around: &Around<'_>) -> Option<TokenStream> {
    let end = without_boxed(body);
    let (last, before) = body.get(..end)?.split_last()?;
    let TokenTree::Group(group) = last else { return None };
    let inside = match group.delimiter() {
        Delimiter::Brace => {
            let rest = before_async(before)?;
            if !ends_statement(rest) {
                return None;
            }
            // `async` and what follows.
            let capture = before.get(rest.len() + 1..)?.iter().cloned().collect();
            let place = Place { wait: Wait::Task, braces: group, capture };
            front(group.stream(), |rest| around(&place, rest))
        }
        Delimiter::Parenthesis if ends_statement(before_box_pin(before)?) => {
            // The block must be the whole argument, so nothing may end a statement before it.
            let trees: Vec<TokenTree> = group.stream().into_iter().collect();
            let block = match trees.split_last() {
                Some((TokenTree::Punct(comma), rest)) if comma.as_char() == ',' => rest,
                _ => trees.as_slice(),
            };
            let (TokenTree::Group(_), keywords) = block.split_last()? else { return None };
            if !before_async(keywords)?.is_empty() {
                return None;
            }
            into_future(block, around)?
        }
        // `macro_rules` hands over expressions in invisible groups.
        Delimiter::None if ends_statement(before) => {
            let trees: Vec<TokenTree> = group.stream().into_iter().collect();
            into_future(&trees, around)?
        }
        _ => return None,
    };
    let mut tokens = TokenStream::new();
    tokens.extend(before.iter().cloned());
    rebuilt(group, inside).to_tokens(&mut tokens);
    tokens.extend(body.get(end..)?.iter().cloned());
    Some(tokens)
}

/// The prologue before the first statement, but behind items that lead the body: they are in scope everywhere in
/// it, and an item behind a statement is a lint of its own.
pub(super) fn front(body: TokenStream, around: impl FnOnce(TokenStream) -> TokenStream) -> TokenStream {
    let items = leading_items(&body);
    let mut trees = body.into_iter();
    let mut tokens: TokenStream = trees.by_ref().take(items).collect();
    tokens.extend(around(trees.collect()));
    tokens
}

/// The same group around other tokens.
pub(super) fn rebuilt(group: &Group, inside: TokenStream) -> Group {
    let mut rebuilt = Group::new(group.delimiter(), inside);
    rebuilt.set_span(group.span());
    rebuilt
}

/// How many tokens the items in front of the body have.
fn leading_items(body: &TokenStream) -> usize {
    if !may_start_item(body.clone().into_iter().next().as_ref()) {
        return 0;
    }
    let all = body.clone().into_iter().count();
    let count = |input: ParseStream<'_>| {
        while may_start_item(input.fork().parse().ok().as_ref()) && is_item(&input.fork()) {
            input.parse::<Item>()?;
        }
        let rest: TokenStream = input.parse()?;
        Ok(all - rest.into_iter().count())
    };
    count.parse2(body.clone()).unwrap_or(0)
}

/// Spares most bodies the parser.
fn may_start_item(tree: Option<&TokenTree>) -> bool {
    match tree {
        Some(TokenTree::Ident(word)) => ITEM_STARTS.contains(&word.to_string().as_str()),
        Some(TokenTree::Punct(pound)) => pound.as_char() == '#',
        _ => false,
    }
}

const ITEM_STARTS: [&str; 17] = [
    "use",
    "const",
    "static",
    "fn",
    "struct",
    "enum",
    "type",
    "impl",
    "trait",
    "mod",
    "macro_rules",
    "extern",
    "async",
    "unsafe",
    "pub",
    "union",
    "auto",
];

/// Whether an item comes next, as opposed to `async {}`, `unsafe {}`, or the call of a macro, which may be a statement
/// and must not run without a permit.
fn is_item(input: ParseStream<'_>) -> bool {
    match input.parse::<Item>() {
        Ok(Item::Macro(definition)) => definition.ident.is_some(),
        Ok(_) => true,
        Err(_) => false,
    }
}

/// How long the body is without `.boxed()` at its end.
fn without_boxed(body: &[TokenTree]) -> usize {
    if let [.., TokenTree::Punct(dot), TokenTree::Ident(method), TokenTree::Group(arguments)] = body
        && dot.as_char() == '.'
        && (method == "boxed" || method == "boxed_local")
        && arguments.delimiter() == Delimiter::Parenthesis
        && arguments.stream().is_empty()
    {
        return body.len() - 3;
    }
    body.len()
}

/// What stands before `async` or `async move`.
fn before_async(before: &[TokenTree]) -> Option<&[TokenTree]> {
    match before {
        [rest @ .., TokenTree::Ident(word)] if word == "async" => Some(rest),
        [rest @ .., TokenTree::Ident(word), TokenTree::Ident(capture)]
            if word == "async" && capture == "move" =>
        {
            Some(rest)
        }
        _ => None,
    }
}

/// What stands before `Box::pin`, by whatever path.
fn before_box_pin(before: &[TokenTree]) -> Option<&[TokenTree]> {
    let (TokenTree::Ident(pin), rest) = before.split_last()? else { return None };
    let mut rest = colons(rest)?;
    let (TokenTree::Ident(boxed), before) = rest.split_last()? else { return None };
    if pin != "pin" || boxed != "Box" {
        return None;
    }
    rest = before;
    while let Some(before) = colons(rest) {
        rest = match before.split_last() {
            Some((TokenTree::Ident(_), before)) => before,
            _ => before,
        };
    }
    Some(rest)
}

fn colons(before: &[TokenTree]) -> Option<&[TokenTree]> {
    match before {
        [rest @ .., TokenTree::Punct(first), TokenTree::Punct(second)]
            if first.as_char() == ':' && second.as_char() == ':' && first.spacing() == Spacing::Joint =>
        {
            Some(rest)
        }
        _ => None,
    }
}

fn ends_statement(before: &[TokenTree]) -> bool {
    match before.last() {
        None => true,
        Some(TokenTree::Punct(end)) => end.as_char() == ';',
        Some(TokenTree::Group(block)) => block.delimiter() == Delimiter::Brace,
        Some(_) => false,
    }
}

pub(super) fn return_type(signature: &Signature) -> Option<&Type> {
    match &signature.output {
        ReturnType::Default => None,
        ReturnType::Type(_, ty) => Some(ty),
    }
}

/// Whether a return type says that it is a future. Only the outermost type tells: inside another one the future is
/// data.
pub(super) fn is_future(ty: &Type) -> bool {
    match ty {
        Type::Group(inner) => is_future(&inner.elem),
        Type::Paren(inner) => is_future(&inner.elem),
        Type::ImplTrait(bounds) => bounds.bounds.iter().any(names_future),
        Type::TraitObject(bounds) => bounds.bounds.iter().any(names_future),
        Type::Path(path) => path.path.segments.last().is_some_and(|segment| {
            let inner = match &segment.arguments {
                PathArguments::AngleBracketed(arguments) => {
                    arguments.args.iter().find_map(|argument| match argument {
                        GenericArgument::Type(ty) => Some(ty),
                        _ => None,
                    })
                }
                _ => None,
            };
            match segment.ident.to_string().as_str() {
                "BoxFuture" | "LocalBoxFuture" => true,
                "Pin" | "Box" => inner.is_some_and(is_future),
                _ => false,
            }
        }),
        _ => false,
    }
}

fn names_future(bound: &TypeParamBound) -> bool {
    match bound {
        TypeParamBound::Trait(bound) => {
            bound.path.segments.last().is_some_and(|segment| segment.ident == "Future")
        }
        _ => false,
    }
}

/// What the future gives that a return type says it is, where it says that too: `T` of `Output = T`, or of
/// `BoxFuture<'_, T>`.
pub(super) fn output(ty: &Type) -> Option<&Type> {
    match ty {
        Type::Group(inner) => output(&inner.elem),
        Type::Paren(inner) => output(&inner.elem),
        Type::ImplTrait(bounds) => bounds.bounds.iter().find_map(bound_output),
        Type::TraitObject(bounds) => bounds.bounds.iter().find_map(bound_output),
        Type::Path(path) => {
            let segment = path.path.segments.last()?;
            let PathArguments::AngleBracketed(arguments) = &segment.arguments else { return None };
            let inner = arguments.args.iter().find_map(|argument| match argument {
                GenericArgument::Type(ty) => Some(ty),
                _ => None,
            })?;
            match segment.ident.to_string().as_str() {
                "BoxFuture" | "LocalBoxFuture" => Some(inner),
                _ => output(inner),
            }
        }
        _ => None,
    }
}

fn bound_output(bound: &TypeParamBound) -> Option<&Type> {
    let TypeParamBound::Trait(bound) = bound else { return None };
    let PathArguments::AngleBracketed(arguments) = &bound.path.segments.last()?.arguments else {
        return None;
    };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::AssocType(assoc) if assoc.ident == "Output" => Some(&assoc.ty),
        _ => None,
    })
}
