//! Every mistake of one attribute, so that one run of the compiler reports them all.

use std::fmt::Display;

use proc_macro2::{Span, TokenStream};
use quote::ToTokens;

/// Mistakes in the order of the source, in whatever order they are found.
#[derive(Default)]
pub(crate) struct Errors {
    /// Each with the number of the pair that it belongs to.
    found: Vec<(usize, syn::Error)>,
    place: usize,
}

impl Errors {
    /// What is pushed from here on belongs to the pair of that number. Spans cannot be asked where they stand: tokens
    /// of `macro_rules` come from several places.
    pub(crate) fn belong_to(&mut self, pair: usize) {
        self.place = pair;
    }

    /// What is pushed from here on is about the item, which follows the attribute.
    pub(crate) fn behind_the_pairs(&mut self) {
        self.place = usize::MAX;
    }

    pub(crate) fn push(&mut self, error: syn::Error) {
        self.found.push((self.place, error));
    }

    pub(crate) fn at(&mut self, span: Span, message: impl Display) {
        self.push(syn::Error::new(span, message));
    }

    /// The value, or its error kept.
    pub(crate) fn keep<T>(&mut self, result: syn::Result<T>) -> Option<T> {
        result.map_err(|error| self.push(error)).ok()
    }

    #[cfg(test)]
    pub(crate) fn iter(&self) -> impl Iterator<Item = syn::Error> {
        self.sorted().into_iter().flat_map(Clone::clone)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    fn sorted(&self) -> Vec<&syn::Error> {
        let mut sorted: Vec<&(usize, syn::Error)> = self.found.iter().collect();
        sorted.sort_by_key(|(place, _)| *place);
        sorted.into_iter().map(|(_, error)| error).collect()
    }
}

impl ToTokens for Errors {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        tokens.extend(self.sorted().into_iter().map(syn::Error::to_compile_error));
    }
}

/// Names as prose: `` `a`, `b` or `c` ``.
pub(crate) fn listed(names: &[&str], last: &str) -> String {
    let mut names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match (names.pop(), names.is_empty()) {
        (Some(only), true) => only,
        (Some(end), false) => format!("{} {last} {end}", names.join(", ")),
        (None, _) => String::new(),
    }
}
