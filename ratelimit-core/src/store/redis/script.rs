//! The scripts that servers play.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use super::maker::{self, Parts};
use crate::rate::Shape;
use crate::store::ask::{Ask, Part, Plan};

/// So many scripts are known at most; of more some are made again now and then.
const MOST: usize = 256;

/// What stands behind the kinds of an entry's rates.
const END: u64 = 3;
/// How many bits tell a kind.
const KIND: u32 = 2;

fn kind(shape: Shape) -> u64 {
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
    acquires: Mutex<BTreeMap<u64, Option<Arc<Script>>>>,
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
        if ask.parts.iter().any(|part| part.plan.own.is_some()) {
            return None;
        }
        let kinds = kinds(ask)?;
        let acquires = || self.acquires.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = acquires().get(&kinds) {
            return known.clone();
        }
        let plans: Vec<&Plan> = ask.parts.iter().map(|part| &*part.plan).collect();
        let made = maker::made(&Parts::of(self.parts), &plans).map(|text| Script::new((self.edit)(&text)));
        let mut acquires = acquires();
        if acquires.len() >= MOST
            && let Some(other) = acquires.keys().next().copied()
        {
            acquires.remove(&other);
        }
        acquires.insert(kinds, made.clone());
        made
    }
}

/// The kinds of all rates, those of each entry behind one another; `None` of more than there is room for, which is more than
/// a script has.
fn kinds(ask: &Ask) -> Option<u64> {
    // What it begins with tells how many there are.
    let mut kinds = 1_u64;
    for Part { plan, .. } in &ask.parts {
        for kind in plan.counted.iter().map(|guarded| kind(guarded.rate.shape())).chain([END]) {
            kinds = kinds.checked_mul(1 << KIND)? | kind;
        }
    }
    Some(kinds)
}

pub(super) static SCRIPTS: LazyLock<Scripts> = LazyLock::new(|| Scripts::new(str::to_owned));
