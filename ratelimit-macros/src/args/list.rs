//! The grammar of the attribute: `name = value` pairs in any order, read on past every mistake.

use proc_macro2::{Span, TokenStream, TokenTree};
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{Expr, Ident, LitStr, Token};

use super::{Parameter, Row, TABLE, suggest};
use crate::errors::{Errors, listed};

#[derive(Default)]
pub(super) struct List {
    given: Vec<(Parameter, Ident, Expr)>,
    /// Parameters whose pair is there but wrong, and has been reported.
    meant: Vec<Parameter>,
}

impl List {
    pub(super) fn parse(tokens: TokenStream, errors: &mut Errors) -> Self {
        let mut list = List::default();
        let read = |input: ParseStream<'_>| {
            while !input.is_empty() {
                if let Err(error) = list.pair(input, errors) {
                    errors.push(error);
                    recover(input);
                }
                separator(input, errors);
            }
            Ok(())
        };
        // Everything is consumed above, so that nothing is left to be an error.
        if let Err(error) = read.parse2(tokens) {
            errors.push(error);
        }
        list
    }

    pub(super) fn take(&mut self, parameter: Parameter) -> Option<(Ident, Expr)> {
        let index = self.given.iter().position(|(given, ..)| *given == parameter)?;
        let (parameter, name, value) = self.given.swap_remove(index);
        self.meant.push(parameter);
        Some((name, value))
    }

    pub(super) fn meant(&self, parameter: Parameter) -> bool {
        self.meant.contains(&parameter)
    }

    fn pair(&mut self, input: ParseStream<'_>, errors: &mut Errors) -> syn::Result<()> {
        if !input.peek(Ident::peek_any) {
            return Err(self.no_name(input));
        }
        let name = input.call(Ident::parse_any)?;
        let row = match find(&name) {
            Ok(row) => Some(row),
            Err((error, meant)) => {
                errors.push(error);
                self.meant.extend(meant);
                None
            }
        };
        let value = match (assigned(input, &name, row), row) {
            (Ok(value), _) => value,
            (Err(error), Some(row)) => {
                self.meant.push(row.parameter);
                return Err(error);
            }
            // The name is what is wrong; a second message about its value would be noise.
            (Err(_), None) => {
                recover(input);
                return Ok(());
            }
        };
        let Some(row) = row else { return Ok(()) };
        if self.given.iter().any(|(given, ..)| *given == row.parameter) {
            errors.at(name.span(), format!("duplicate parameter `{}`; remove one of the two", row.name));
        } else {
            self.given.push((row.parameter, name, value));
        }
        Ok(())
    }

    fn no_name(&mut self, input: ParseStream<'_>) -> syn::Error {
        if let Ok(text) = input.fork().parse::<LitStr>() {
            self.meant.push(Parameter::Bucket);
            let message =
                format!("expected a parameter, found a string; write `bucket = {:?}`", text.value());
            return syn::Error::new(text.span(), message);
        }
        let hint = if input.peek(Token![,]) { "remove it" } else { "write it as in `bucket = \"name\"`" };
        let (span, found) = next(input);
        syn::Error::new(span, format!("expected a parameter name, found {found}; {hint}"))
    }
}

fn find(name: &Ident) -> Result<&'static Row, (syn::Error, Option<Parameter>)> {
    let text = name.unraw().to_string();
    if let Some(row) = TABLE.iter().find(|row| row.name == text) {
        return Ok(row);
    }
    let (hint, meant) = if let Some(row) = TABLE.iter().find(|row| row.foreign.contains(&text.as_str())) {
        (format!("use `{}`", row.name), Some(row.parameter))
    } else if let Some(near) = suggest::nearest(&text, TABLE.iter().map(|row| row.name)) {
        let row = TABLE.iter().find(|row| row.name == near);
        (format!("did you mean `{near}`?"), row.map(|row| row.parameter))
    } else {
        (format!("expected one of {}", listed(&TABLE.each_ref().map(|row| row.name), "or")), None)
    };
    Err((syn::Error::new(name.span(), format!("unknown parameter `{text}`; {hint}")), meant))
}

/// The `= value` of a parameter.
fn assigned(input: ParseStream<'_>, name: &Ident, row: Option<&Row>) -> syn::Result<Expr> {
    let example = row.map_or("name = value", |row| row.example);
    let name = name.unraw();
    let no_value = |span| {
        Err(syn::Error::new(span, format!("parameter `{name}` needs a value; write it as in `{example}`")))
    };
    if input.is_empty() || input.peek(Token![,]) {
        return no_value(name.span());
    }
    if !input.peek(Token![=]) || input.peek(Token![==]) || input.peek(Token![=>]) {
        let (span, _) = next(input);
        return Err(syn::Error::new(
            span,
            format!("expected `=` after `{name}`; write it as in `{example}`"),
        ));
    }
    let equals: Token![=] = input.parse()?;
    if input.is_empty() || input.peek(Token![,]) {
        return no_value(equals.span);
    }
    let whole = input.fork();
    input.parse::<Expr>().map_err(|error| {
        // At the end of its input syn can only point at the whole attribute.
        let ended = error.to_string().starts_with("unexpected end of input");
        let span = if ended { last(&whole) } else { error.span() };
        let message =
            format!("the value of `{name}` is broken off or malformed: {error}; write it as in `{example}`");
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

/// Whether a name comes next that has a value or forgot it, as opposed to an expression that starts with a name.
fn starts_pair(input: ParseStream<'_>) -> bool {
    let ahead = input.fork();
    ahead.call(Ident::parse_any).is_ok()
        && (ahead.is_empty() || ahead.peek(Token![,]) || (ahead.peek(Token![=]) && !ahead.peek(Token![==])))
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
