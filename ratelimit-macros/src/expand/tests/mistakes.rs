//! What the attribute says of mistakes, and where.

mod arguments;
mod items;
mod list;
mod values;

use proc_macro2::Span;

use super::tokens;
use crate::args::Arguments;
use crate::errors::Errors;
use crate::expand::body;
use crate::expand::item::Function;

/// The messages about `args`, each with the tokens that it points at.
fn mistakes(args: &str) -> Vec<(String, String)> {
    mistakes_on(args, "fn search(user: u32, page: &str) -> Result<usize, Error> { Ok(1) }")
}

fn mistakes_on(args: &str, item: &str) -> Vec<(String, String)> {
    let mut errors = Errors::default();
    let arguments = Arguments::parse(tokens(args), &mut errors);
    let (bindings, function) = Function::parse(tokens(item), &mut errors);
    let attribute = arguments.check(&bindings, &mut errors);
    if let Some(function) = function {
        errors.keep(body(&function, attribute.as_ref()));
    }
    let source = |span: Span| span.source_text().unwrap_or_default();
    errors.iter().map(|error| (error.to_string(), source(error.span()))).collect()
}

#[track_caller]
fn mistake(args: &str, message: &str, place: &str) {
    let found = mistakes(args);
    let [(said, at)] = found.as_slice() else { panic!("{args}: {found:?}") };
    assert!(said.contains(message), "{args}: {said}");
    assert_eq!(at, place, "{args}: {said}");
}
