//! The scripts that servers play.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use super::maker::{self, Parts};
use crate::rate::Shape;
use crate::store::ask::{Ask, Part, Plan};

/// So many scripts are known at most; of more some are made again now and then.
const MOST: usize = 256;

/// What stands behind the kinds of an entry's rates.
const END: u8 = 0xff;

fn kind(shape: Shape) -> u8 {
    match shape {
        Shape::Sliding => 0,
        Shape::Burst(_) => 1,
        Shape::Fixed => 2,
    }
}

/// A script, and its hash by which the server knows it.
#[derive(Debug)]
pub(super) struct Script {
    pub(super) text: String,
    pub(super) hash: String,
}

impl Script {
    fn new(text: String) -> Arc<Self> {
        Arc::new(Script { hash: redis::Script::new(&text).get_hash().to_owned(), text })
    }
}

/// The scripts of stores.
#[derive(Debug)]
pub(super) struct Scripts {
    /// What those for acquires are made of.
    parts: &'static str,
    /// By the kinds of rates that they are for; `None` = these are too many.
    acquires: Mutex<HashMap<Vec<u8>, Option<Arc<Script>>>>,
    /// What becomes of each text before it is used.
    edit: fn(&str) -> String,
    pub(super) read: Arc<Script>,
    pub(super) swap: Arc<Script>,
}

impl Scripts {
    pub(super) fn new(edit: fn(&str) -> String) -> Self {
        let script = |text: &str| Script::new(edit(text));
        let (read, swap) = (script(include_str!("read.lua")), script(include_str!("swap.lua")));
        Scripts { parts: include_str!("acquire.lua"), acquires: Mutex::default(), edit, read, swap }
    }

    /// The one that plays `ask`, an acquire or a charge; `None` where it is not the common case.
    pub(super) fn acquire(&self, ask: &Ask) -> Option<Arc<Script>> {
        let mut kinds = Vec::with_capacity(16);
        for Part { plan, .. } in &ask.parts {
            if plan.own.is_some() {
                return None;
            }
            kinds.extend(plan.counted.iter().map(|guarded| kind(guarded.rate.shape())));
            kinds.push(END);
        }
        let acquires = || self.acquires.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = acquires().get(&kinds) {
            return known.clone();
        }
        let plans: Vec<&Plan> = ask.parts.iter().map(|part| &*part.plan).collect();
        let made = maker::made(&Parts::of(self.parts), &plans).map(|text| Script::new((self.edit)(&text)));
        let mut acquires = acquires();
        if acquires.len() >= MOST
            && let Some(other) = acquires.keys().next().cloned()
        {
            acquires.remove(&other);
        }
        acquires.insert(kinds, made.clone());
        made
    }
}

pub(super) static SCRIPTS: LazyLock<Scripts> = LazyLock::new(|| Scripts::new(str::to_owned));
