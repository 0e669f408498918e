//! The grammar of the attribute: `name = value` pairs in any order, some also by their name alone, read on past every
//! mistake.

use proc_macro2::{Span, TokenStream, TokenTree};
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{Expr, Ident, Lit, Token};

use super::stranger::Stranger;
use super::table::{Meaning, Parameter, Row, meaning};
use super::value::lit;
use crate::errors::Errors;

#[derive(Default)]
pub(super) struct List {
    /// Without a value only where the name says enough.
    given: Vec<(Parameter, Ident, Option<Expr>)>,
    /// Every parameter that was written or meant, rightly or wrongly, with the number of its pair.
    seen: Vec<(Parameter, usize)>,
}

impl List {
    pub(super) fn parse(tokens: TokenStream, errors: &mut Errors) -> Self {
        let mut list = List::default();
        // What they should have been depends on all that is given.
        let mut strangers = Vec::new();
        let read = |input: ParseStream<'_>| {
            let mut place = 0_usize;
            while !input.is_empty() {
                match list.pair(input, place, errors) {
                    Ok(None) => {}
                    Ok(Some(stranger)) => strangers.push((place, stranger)),
                    Err(error) => {
                        errors.push(error);
                        recover(input);
                    }
                }
                place += 1;
                errors.belong_to(place);
                separator(input, errors);
            }
            Ok(())
        };
        // Everything is consumed above, so that nothing is left to be an error.
        if let Err(error) = read.parse2(tokens) {
            errors.push(error);
        }
        let written = list.seen.clone();
        let is_written = |parameter| written.iter().any(|(seen, _)| *seen == parameter);
        for (place, stranger) in strangers {
            let (error, meant) = stranger.judged(&list, is_written);
            list.seen.extend(meant.map(|parameter| (parameter, place)));
            errors.belong_to(place);
            errors.push(error);
        }
        errors.behind_the_pairs();
        list
    }

    pub(super) fn take(&mut self, parameter: Parameter) -> Option<(Ident, Option<Expr>)> {
        let index = self.given.iter().position(|(given, ..)| *given == parameter)?;
        let (_, name, value) = self.given.swap_remove(index);
        Some((name, value))
    }

    pub(super) fn has(&self, parameter: Parameter) -> bool {
        self.seen.iter().any(|(seen, _)| *seen == parameter)
    }

    /// The number of the parameter's pair, for errors about it.
    pub(super) fn place(&self, parameter: Parameter) -> usize {
        self.seen.iter().find(|(seen, _)| *seen == parameter).map_or(0, |(_, place)| *place)
    }

    /// Reads what stands between two commas.
    fn pair(
        &mut self,
        input: ParseStream<'_>,
        place: usize,
        errors: &mut Errors,
    ) -> syn::Result<Option<Stranger>> {
        if let Some(value) = alone(input) {
            let behind_a_key = self.given.last().is_some_and(|(parameter, _, key)| {
                *parameter == Parameter::Key && matches!(key.as_ref().and_then(lit), Some(Lit::Str(_)))
            });
            return Ok(Some(Stranger::Value { value: Box::new(value), behind_a_key }));
        }
        if !input.peek(Ident::peek_any) {
            return Err(no_name(input));
        }
        let name = input.call(Ident::parse_any)?;
        let Meaning::Own(row) = meaning(&name) else {
            // The name is what is wrong; a second message about its value would be noise.
            if assigned(input, &name, None).is_err() {
                recover(input);
            }
            return Ok(Some(Stranger::Name(name)));
        };
        self.seen.push((row.parameter, place));
        let value = if row.alone && !may_be_assigned(input) {
            None
        } else {
            Some(assigned(input, &name, Some(row))?)
        };
        if !self.given.iter().any(|(given, ..)| *given == row.parameter) {
            self.given.push((row.parameter, name, value));
        } else if row.parameter == Parameter::Rate {
            errors.at(
                name.span(),
                "duplicate parameter `rate`; remove one of the two, or give both to a `static` bucket by `.and(..)`",
            );
        } else {
            errors.at(name.span(), format!("duplicate parameter `{}`; remove one of the two", row.name));
        }
        Ok(None)
    }
}

/// A value that has no name before it.
fn alone(input: ParseStream<'_>) -> Option<Expr> {
    let ahead = input.fork();
    let after = ahead.fork();
    let named = after.call(Ident::parse_any).ok();
    // Spares most of what is written the parser of expressions.
    if named.is_some() && is_assigned(&after) {
        return None;
    }
    let value = ahead.parse::<Expr>().ok()?;
    let ended = ahead.is_empty() || ahead.peek(Token![,]);
    let is_alone = match (&value, named) {
        // One without its value, or one in the manner of a call, of a comparison.
        (Expr::Assign(_), _) | (Expr::Call(_) | Expr::Binary(_), Some(_)) => false,
        (_, Some(name)) => ended && matches!(meaning(&name), Meaning::Unknown),
        (Expr::Lit(_), None) => true,
        (_, None) => ended,
    };
    if is_alone { input.parse().ok() } else { None }
}

/// Whether `=` comes next.
fn is_assigned(input: ParseStream<'_>) -> bool {
    input.peek(Token![=]) && !input.peek(Token![==]) && !input.peek(Token![=>])
}

/// Whether `=` comes next, or what else is written for it.
fn may_be_assigned(input: ParseStream<'_>) -> bool {
    input.peek(Token![=])
        || (input.peek(Token![:]) && !input.peek(Token![::]))
        || input.peek(syn::token::Paren)
}

fn no_name(input: ParseStream<'_>) -> syn::Error {
    let hint = match input.fork().parse::<Lit>() {
        Ok(Lit::Str(_)) => "remove the quotes, as in `bucket = \"name\"`",
        _ if input.peek(Token![,]) => "remove it",
        _ => "write it as in `bucket = \"name\"`",
    };
    let (span, found) = next(input);
    syn::Error::new(span, format!("expected a parameter name, found {found}; {hint}"))
}

/// The `= value` of a parameter.
fn assigned(input: ParseStream<'_>, name: &Ident, row: Option<&Row>) -> syn::Result<Expr> {
    let ways = row.map_or_else(|| "it as in `name = value`".to_owned(), Row::ways);
    let no_value = || {
        let message = format!("parameter `{}` needs a value; write {ways}", name.unraw());
        Err(syn::Error::new(name.span(), message))
    };
    let name = name.unraw();
    if input.is_empty() || input.peek(Token![,]) {
        return no_value();
    }
    if !is_assigned(input) {
        let (span, _) = next(input);
        return Err(syn::Error::new(span, format!("expected `=` after `{name}`; write {ways}")));
    }
    let _: Token![=] = input.parse()?;
    if input.is_empty() || input.peek(Token![,]) {
        return no_value();
    }
    // Not an expression, but what a variable is declared by elsewhere.
    if input.peek(Token![mut]) && row.is_some_and(|row| row.parameter == Parameter::Permit) {
        let message = "`permit` must be a new variable name, found `mut`; write `permit = permit`";
        return Err(syn::Error::new(next(input).0, message));
    }
    let whole = input.fork();
    input.parse::<Expr>().map_err(|error| {
        // At the end of its input syn can only point at the whole attribute.
        let ended = error.to_string().starts_with("unexpected end of input");
        let span = if ended { last(&whole) } else { error.span() };
        let message = format!("the value of `{name}` is broken off or malformed: {error}; write {ways}");
        syn::Error::new(span, message)
    })
}

fn separator(input: ParseStream<'_>, errors: &mut Errors) {
    if input.is_empty() || input.parse::<Token![,]>().is_ok() {
        return;
    }
    let (span, found) = next(input);
    let relation = if input.peek(Ident::peek_any) { " before" } else { ", found" };
    errors.at(span, format!("expected `,`{relation} {found}; separate the parameters by commas"));
    if !starts_pair(input) {
        recover(input);
        // What is left starts with the comma, if there is one.
        let _ = input.parse::<Token![,]>();
    }
}

/// Skips to the comma before the next pair, or to the end.
fn recover(input: ParseStream<'_>) {
    while !input.is_empty() {
        let ahead = input.fork();
        if ahead.parse::<Token![,]>().is_ok() && (ahead.is_empty() || starts_pair(&ahead)) {
            return;
        }
        if input.parse::<TokenTree>().is_err() {
            return;
        }
    }
}

/// Whether a name comes next that has a value or forgot it, as opposed to an expression that starts with a name. Of a
/// parameter's name that is believed also where something else stands for the `=`.
fn starts_pair(input: ParseStream<'_>) -> bool {
    let ahead = input.fork();
    let Ok(name) = ahead.call(Ident::parse_any) else { return false };
    ahead.is_empty()
        || ahead.peek(Token![,])
        || is_assigned(&ahead)
        || (may_be_assigned(&ahead) && matches!(meaning(&name), Meaning::Own(_) | Meaning::Foreign(_)))
}

/// Where the next token stands, and its text for a message.
fn next(input: ParseStream<'_>) -> (Span, String) {
    match input.fork().parse::<TokenTree>() {
        Ok(TokenTree::Group(group)) => (group.span(), "a group".to_owned()),
        Ok(tree) => (tree.span(), format!("`{tree}`")),
        Err(error) => (error.span(), "the end".to_owned()),
    }
}

fn last(input: ParseStream<'_>) -> Span {
    let rest: TokenStream = input.fork().parse().unwrap_or_default();
    rest.into_iter().last().map_or_else(Span::call_site, |tree| tree.span())
}
