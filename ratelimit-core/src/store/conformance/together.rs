//! One at a time, all or nothing, and nothing twice.

use std::sync::Barrier;
use std::time::Duration;

use super::Promise;
use super::lab::{Found, Handle, Lab, ask, at_once, ensure, hourly, pause, plan};
use crate::rate::Rate;
use crate::store::ask::{Part, Said, Verb};

const HOUR: Duration = Duration::from_secs(3600);

/// As many threads as there are handles, all at once; what each comes to.
pub(super) fn race<T: Send>(
    handles: &[Handle],
    run: impl Fn(usize, &Handle) -> Found<T> + Sync,
) -> Found<Vec<T>> {
    let (start, run) = (Barrier::new(handles.len()), &run);
    std::thread::scope(|scope| {
        let start = &start;
        let begin = |(index, handle)| {
            scope.spawn(move || {
                start.wait();
                run(index, handle)
            })
        };
        let threads: Vec<_> = handles.iter().enumerate().map(begin).collect();
        let ended = threads.into_iter().map(|thread| {
            thread.join().unwrap_or_else(|_| Err((Promise::NoLonger, "a thread panicked".to_owned())))
        });
        ended.collect()
    })
}

/// Whatever is said of them, so many charges take so much at most, and those that were answered at least that.
pub(super) fn nothing_is_played_twice(lab: &Lab<'_>) -> Found {
    let part = lab.bucket().unkeyed(&hourly(1_000));
    let handle = lab.handle();
    let charge = [ask(&[&part], Verb::Charge { weight: 1 })];
    let (mut asked, mut answered) = (0, 0);
    for _ in 0..8 {
        for micros in [0, 1, 20, 100, 1_000, 5_000_000] {
            let answers = handle.play_within(&charge, Duration::from_micros(micros))?;
            asked += 1;
            answered += u32::from(answers.iter().any(Result::is_ok));
        }
    }
    // What was not answered in time may be on its way.
    for _ in 0..2 {
        let used = handle.used(&part)?;
        ensure(used.iter().all(|used| *used <= asked), Promise::NothingTwice, || {
            format!("{asked} charges of 1 were asked for, and {used:?} is taken")
        })?;
        ensure(used.iter().all(|used| *used >= answered), Promise::OneAtATime, || {
            format!("{answered} charges of 1 were answered, and {used:?} is taken")
        })?;
        pause(Duration::from_millis(50));
    }
    Ok(())
}

pub(super) fn threads_race(lab: &Lab<'_>) -> Found {
    let handles = lab.handles::<6>();
    for rate in [Rate::per_hour(30), Rate::new(1, HOUR).burst(30), Rate::per_hour(30).fixed()] {
        let part = lab.bucket().unkeyed(&plan(&[rate]));
        let granted = race(&handles, |_, handle| {
            (0..15).try_fold(0, |granted, _| Ok(granted + u32::from(handle.takes(&[&part], 1)?)))
        })?;
        let (granted, used) = (granted.iter().sum::<u32>(), lab.handle().used(&part)?);
        ensure(granted == 30, Promise::OneAtATime, || {
            format!("6 handles raced for {rate} with 15 calls each, and {granted} were let start")
        })?;
        ensure(used == [30], Promise::AsJudged, || {
            format!("30 of 90 were let start by {rate}, and {used:?} is taken")
        })?;
    }
    Ok(())
}

/// The key lets 4 start and all together 10: whoever is refused by either has taken nothing of the other.
pub(super) fn a_key_and_the_total(lab: &Lab<'_>) -> Found {
    let (bucket, keyed, together) = (lab.bucket(), hourly(4), hourly(10));
    let keys: Vec<Part> = (0..4).map(|key| bucket.key(&key.to_string(), &keyed)).collect();
    let total = bucket.total(&together);
    let handles = lab.handles::<4>();
    let granted = race(&handles, |index, handle| {
        let mut granted = 0;
        // Each begins with another key.
        for key in keys.iter().cycle().skip(index).take(24) {
            let said = handle.one(&[key, &total], at_once(1))?;
            granted += u32::from(matches!(said, Said::Granted { .. }));
        }
        Ok(granted)
    })?;
    let granted: u32 = granted.iter().sum();
    let handle = lab.handle();
    let used = keys.iter().map(|key| handle.used(key)).collect::<Found<Vec<_>>>()?;
    let (of_keys, of_all) = (used.iter().flatten().sum::<u32>(), handle.used(&total)?);
    ensure(granted == 10 && of_keys == 10 && of_all == [10], Promise::OneAtATime, || {
        format!(
            "of 4 keys with 4 each and 10 together {granted} were let start; {used:?} is taken of the keys, {of_all:?} of all"
        )
    })
}
