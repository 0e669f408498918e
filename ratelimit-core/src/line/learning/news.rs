//! What an answer says that was not known before, for those who listen.

use crate::feedback::Feedback;
use crate::line::effects::Effects;
use crate::line::events::Event;
use crate::policy::learned::Learned;
use crate::time::Timestamp;

/// What a pause has to grow by to be told of again.
const SECOND: u64 = 1_000_000_000;

/// What was known of a window before an answer was heard.
#[derive(Clone, Copy, Debug)]
pub(super) struct Before {
    /// As [`Learned::limit`] says.
    limit: (bool, Option<u64>),
    paused_until: Timestamp,
}

impl Before {
    pub(super) fn of(known: &Learned) -> Self {
        Before { limit: known.limit(), paused_until: known.paused_until() }
    }

    /// Notes what is known now that was not.
    pub(super) fn note(self, known: &Learned, answer: &Feedback, now: Timestamp, effects: &mut Effects) {
        let &Feedback { remaining, reset_after, .. } = answer;
        let ((was_known, before), (is_known, limit)) = (self.limit, known.limit());
        if is_known && (!was_known || limit != before) {
            effects.note(|| Event::Learned { limit, before, remaining, reset_after });
        }
        // Thirty rejections on their way together are one pause.
        let told = if self.paused_until > now { self.paused_until.plus(SECOND) } else { self.paused_until };
        if known.paused_until() > told {
            note_pause(known.paused_until(), false, now, effects);
        }
    }
}

/// Notes that the server wants to be left alone until then, by everybody or by one key's window.
pub(super) fn note_pause(until: Timestamp, is_whole: bool, now: Timestamp, effects: &mut Effects) {
    let span = until.as_nanos().saturating_sub(now.as_nanos());
    effects.note(|| Event::Paused { span, by_server: true, is_whole });
}
