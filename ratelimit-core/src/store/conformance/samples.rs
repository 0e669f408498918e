//! Asks for those who throw bytes at them: fuzz targets, and stores that want to see what a state may look like.

use std::time::Duration;

use super::lab::{Bucket, ask, at_once, own_plan, plan, reserve};
use super::own::allotment;
use crate::feedback::{Feedback, Scope};
use crate::rate::Rate;
use crate::store::ask::{Acquire, Ask, Verb};
use crate::store::window::Heard;

/// An ask of each sort about one entry, and one about the same that writes the state as it is.
#[doc(hidden)]
#[must_use]
pub fn samples() -> Vec<(Ask, Ask)> {
    let (window, bucket, fixed) = (
        Rate::per_minute(1_000),
        Rate::per_second(3).burst(5),
        Rate::new(100, Duration::from_nanos(3_600_000_000_001)).fixed(),
    );
    let own = allotment(true);
    let plans = [
        plan(&[window]),
        plan(&[bucket]),
        plan(&[fixed]),
        plan(&[window, bucket, fixed, Rate::per_day(5_000)]),
        own_plan(&[window], Some(&own)),
    ];
    let slack = Acquire { weight: 2, after: 7, slack: 250_000, allowance: 9_000_000, reserves: true };
    let verbs = [
        at_once(1),
        reserve(3),
        Verb::Acquire(slack),
        Verb::Charge { weight: 300 },
        Verb::Refund { start: 1_000_000_000_000_000, weight: 3, given: 2, born: [0; 2] },
        Verb::Peek { weight: 1 },
        Verb::Reset,
    ];
    let entries = plans.iter().map(|plan| Bucket::named("sample").key("ann", plan));
    let records = entries.flat_map(|part| {
        let touch = ask(&[&part], Verb::Restore { records: vec![None], lost: false });
        verbs.clone().map(|verb| (ask(&[&part], verb), touch.clone()))
    });
    records.chain(of_windows()).collect()
}

/// Any bytes are a state in a store: whether they can be judged. What is written then is read as it was written.
///
/// # Panics
///
/// Where it is not.
#[doc(hidden)]
#[must_use]
pub fn judges((ask, touch): &(Ask, Ask), now: Duration, state: &[u8]) -> bool {
    let Ok(judged) = ask.judge(now, &[Some(state)]) else { return false };
    for written in judged.writes().flatten() {
        let again = touch.judge(now, &[Some(written.state())]);
        let again = again.as_ref().ok().and_then(|again| again.writes().flatten().next());
        // What was reset is kept for as long as what was there before.
        let is_same = again
            .is_some_and(|again| again.state() == written.state() && again.keep_for() <= written.keep_for());
        assert!(is_same, "{written:?} is read as {again:?}");
    }
    true
}

/// The same of one of the server's windows.
fn of_windows() -> impl Iterator<Item = (Ask, Ask)> {
    let says = || Feedback::default().limit(5).remaining(3);
    let rejected = || Feedback::default().rejected(true);
    let answers = [
        says(),
        says().reset_after(Duration::from_secs(40)).whole_seconds(true),
        Feedback::default(),
        rejected(),
        rejected().retry_after(Duration::from_secs(30)).scope(Scope::Global),
    ];
    let answers = answers.map(|answer| Heard::Answer(Some(answer)));
    let heard = answers.into_iter().chain([Heard::Answer(None), Heard::Nothing, Heard::Unsent]);
    let told =
        heard.map(|heard| Verb::Hear { start: 1_000_000_000_000_000, weight: 3, heard: Box::new(heard) });
    let others =
        [at_once(1), Verb::Rename { name: "=b".into(), joins: true }, Verb::Peek { weight: 1 }, Verb::Reset];
    let windows = Bucket::named("sample").windows("ann", "~a");
    let touch = Ask::of_windows(windows.clone(), Verb::Restore { records: Vec::new(), lost: false });
    told.chain(others).map(move |verb| (Ask::of_windows(windows.clone(), verb), touch.clone()))
}
