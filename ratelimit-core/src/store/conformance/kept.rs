//! Kept as long as said.

use std::time::Duration;

use super::Promise;
use super::lab::{Found, Lab, at_once, ensure, here, pause, plan, unexpected};
use crate::rate::Rate;
use crate::store::KEEP;
use crate::store::ask::{Known, Part, Said, Verb};

/// What was taken counts for its window, and no longer.
pub(super) fn in_its_window(lab: &Lab<'_>) -> Found {
    const WINDOW: u64 = 250_000;
    let per = Duration::from_micros(WINDOW);
    for rate in [Rate::new(1, per), Rate::new(1, per).burst(1), Rate::new(1, per).fixed()] {
        let part = lab.bucket().unkeyed(&plan(&[rate]));
        let [one, other] = lab.handles();
        let first = one.charge(&[&part], 1)?;
        let begin = here();
        let second = loop {
            match other.one(&[&part], at_once(1))? {
                Said::Granted { start, .. } => break start,
                Said::Refused(_) => {}
                said => return unexpected("a call that does not wait", &said),
            }
            ensure(here() - begin < 10_000_000_000, Promise::OneTime, || {
                format!("10 s after a start {rate} lets no other start")
            })?;
            pause(Duration::from_millis(7));
        };
        let span = second.saturating_sub(first);
        ensure(span >= WINDOW, Promise::KeptAsSaid, || {
            format!("{rate} let a call start {span} us after another")
        })?;
    }
    Ok(())
}

/// Whoever has written it finds it until then; too heavy a call writes nothing.
pub(super) fn as_long_as_it_says(lab: &Lab<'_>) -> Found {
    const WINDOW: u64 = 100_000;
    let part = lab.bucket().unkeyed(&plan(&[Rate::new(1, Duration::from_micros(WINDOW))]));
    let [one, other] = lab.handles();
    let begin = here();
    let known = match one.one(&[&part], Verb::Charge { weight: 1 })? {
        Said::Granted { now, born: [born, _], .. } => Known { born, written: now },
        said => return unexpected("a charge", &said),
    };
    let part = Part { known, ..part };
    loop {
        let said = other.one(&[&part], at_once(2))?;
        let since = (here() - begin) / 1000;
        // A twentieth for clocks that do not agree on how fast time goes.
        if since > (WINDOW + KEEP) / 20 * 19 {
            return Ok(());
        }
        match said {
            Said::Never { .. } => {}
            Said::Lost => {
                let said =
                    format!("a state that was to be kept for {} us is gone within {since} us", WINDOW + KEEP);
                return Err((Promise::KeptAsSaid, said));
            }
            said => return unexpected("too heavy a call", &said),
        }
        pause(Duration::from_millis(40));
    }
}

/// Longer than what counts seconds or milliseconds in 32 bits can tell.
pub(super) fn for_years(lab: &Lab<'_>) -> Found {
    let part = lab.bucket().unkeyed(&plan(&[Rate::per_day(1).burst(1)]));
    let [one, other] = lab.handles();
    one.charge(&[&part], 4_000)?;
    pause(Duration::from_millis(2));
    let used = other.used(&part)?;
    other.done(&[&part], Verb::Reset)?;
    ensure(used == [4_000], Promise::KeptAsSaid, || {
        format!("4,000 days' worth was taken a moment ago, and {used:?} is known of it")
    })
}
