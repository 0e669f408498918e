//! What is told to the store, and nobody waits for.

use std::sync::Arc;

use super::desk::{Desk, To};
use super::mirror::Mirror;
use super::{Way, lock};
use crate::line::KeyId;
use crate::line::remote::answer::{Asker, Told};
use crate::line::remote::verbs::Note;
use crate::policy::reserved::{Counted, Want};
use crate::store::{Ask, Verb};

impl Desk {
    /// Tells the store something, as soon as may be.
    pub(super) fn tell(self: &Arc<Self>, key: KeyId, note: &Note) {
        let ask = lock(&self.mirror).ask_of(key, note);
        // Of a key that this process does not know any more nothing counts.
        if let Some(ask) = ask {
            self.put(ask, key, To::Nobody).carry(Way::Elsewhere);
        }
    }

    /// Gives back what was granted to somebody who has no use for it any more, who asked for that window as well.
    pub(super) fn give_back(self: &Arc<Self>, asker: Asker, window: Option<Box<str>>, told: Told) {
        if let Told::Granted { counted, .. } = told {
            let Asker { key, want: Want { weight, .. }, .. } = asker;
            self.tell(key, &Note::unused(counted, window.map(|window| (window, weight))));
        }
    }
}

impl Mirror {
    fn ask_of(&self, key: KeyId, note: &Note) -> Option<Ask> {
        match note {
            Note::Refund { counted, window, given } => {
                let windows = window
                    .as_ref()
                    .map(|(window, weighs)| self.windows_of(self.text(key, None), window, *weighs));
                let Counted { at: start, born, .. } = *counted;
                let verb = Verb::Refund { start, weight: counted.taken.weight, given: *given, born };
                Some(Ask::of(self.parts_of(key)?, verb).in_windows(windows))
            }
            &Note::Charge { weight } => Some(Ask::of(self.parts_of(key)?, Verb::Charge { weight })),
            Note::Hear { text, window, start, weight, heard } => {
                let verb = Verb::Hear { start: *start, weight: *weight, heard: Box::new(heard.clone()) };
                let text = text.as_deref();
                let windows = || self.windows_of(self.text(key, text), window, *weight);
                self.knows(key, text).then(|| Ask::of_windows(windows(), verb))
            }
            Note::Rename { text, from, to, joins } => {
                let verb = Verb::Rename { name: to.clone(), joins: *joins };
                let text = text.as_deref();
                let windows = || self.renaming(self.text(key, text), from, to);
                self.knows(key, text).then(|| Ask::of_windows(windows(), verb))
            }
        }
    }
}
