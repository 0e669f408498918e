//! How much later than it counts a call starts, and arrives: what the guard promises of that.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::delays::Wait;
use crate::judge::nanos;

/// The default guard of all scenes: they have windows of a second, of which it is 2 %, and its longest.
pub(crate) const GUARD: Duration = Duration::from_millis(20);

/// By how much the clock that waits are measured by and the one that tells the time may differ over the longest of them:
/// a machine that corrects the latter makes it slower or faster by 500 millionths at most.
pub(crate) const CLOCKS: Duration = Duration::from_millis(1);

/// This machine's clock, which is the stores' as well: nanoseconds since 1970.
pub(crate) fn now() -> u64 {
    nanos(SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock of today"))
}

/// A call as it was noted; times in nanoseconds since 1970.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) serial: String,
    pub(crate) key: String,
    pub(crate) weight: u64,
    /// When the store counts it.
    pub(crate) counted: u64,
    /// By how much earlier it may start, as answers took their time: the store's windows were longer by as much for it.
    pub(crate) slack: u64,
    /// When it started, by the host's clock.
    pub(crate) start: u64,
    /// When the server heard of it.
    pub(crate) arrival: u64,
    pub(crate) wait: Wait,
    /// For how long its permit says that it waited.
    pub(crate) waited: u64,
}

impl Call {
    fn earliest(&self) -> u64 {
        self.counted - self.slack
    }

    pub(crate) fn latest(&self) -> u64 {
        self.counted + nanos(GUARD)
    }

    /// That time, no later than the guard promises, and no earlier but for what clocks differ by.
    pub(crate) fn in_time(&self, at: u64) -> u64 {
        at.clamp(self.earliest(), self.latest())
    }

    /// It does not start before the time at which it counts, and does not arrive before it starts.
    pub(crate) fn is_not_early(&self) {
        assert!(self.start + nanos(CLOCKS) >= self.earliest(), "{self:?}");
        assert!(self.arrival >= self.start, "{self:?}");
    }
}

/// Notes when the server heard of each: of all of them, and of nothing else.
pub(crate) fn arrive(calls: &mut [Call], arrivals: &[(u64, String)]) {
    assert_eq!(arrivals.len(), calls.len(), "each start is a request");
    let mut by_serial: BTreeMap<&str, (u64, &str)> = BTreeMap::new();
    for (at, path) in arrivals {
        let (serial, rest) = path.trim_start_matches('/').split_once('/').expect("a serial number");
        assert!(by_serial.insert(serial, (*at, rest)).is_none(), "{path} came twice");
    }
    for call in calls {
        let (at, rest) = by_serial.remove(&*call.serial).unwrap_or_else(|| panic!("{call:?} did not come"));
        assert_eq!(rest, format!("{}/{}", call.key, call.weight));
        call.arrival = at;
    }
}

/// What the guard promises where a store's windows of `per` and a guard opened then, as the server sees it.
///
/// A call starts between the time at which it counts and a guard later. So the server's window that opens with the first of
/// a store's window, a guard after that one at most, is over before anything of the next one comes, which opens W + guard
/// later. But what counts in the last two guards of a store's window (W - guard to W + guard) may come when the server's is
/// over already: it opens another one there, in which what is counted in the store's next window comes as well, and that may
/// be too much by all of this. No guard can help that: the server's next window opens with whoever comes first. So these
/// calls are left out, and of all others law 3 holds to the letter.
///
/// The same goes for who may have started before its window has opened in the store, by its slack. Where the call that
/// opened a window is left out, or was void, the server's would have opened with it.
pub(crate) fn certain(calls: &[Call], windows: &[u64], per: Duration) -> (Vec<Call>, Vec<u64>) {
    let opened = |call: &Call| {
        let before = windows.partition_point(|open| *open <= call.counted);
        before.checked_sub(1).map(|index| windows[index])
    };
    let is_certain = |call: &&Call| {
        opened(call).is_some_and(|open| call.earliest() >= open && call.latest() < open + nanos(per))
    };
    let certain: Vec<Call> = calls.iter().filter(is_certain).cloned().collect();
    let is_without = |open: &u64| certain.iter().all(|call| call.counted != *open);
    let without = windows.iter().copied().filter(is_without).collect();
    (certain, without)
}

fn call(serial: &str, counted: u64) -> Call {
    Call { serial: serial.into(), key: "ann".into(), weight: 1, counted, ..Call::default() }
}

const MS: u64 = 1_000_000;

#[test]
fn a_time_is_cut_to_where_the_guard_says() {
    let call = Call { slack: 5 * MS, ..call("a", 100 * MS) };
    let cut = |millis: u64| call.in_time(millis * MS) / MS;
    assert_eq!([90, 95, 101, 120, 121].map(cut), [95, 95, 101, 120, 120]);
}

#[test]
#[should_panic(expected = "counted: 100000000")]
fn who_starts_too_early_is_found() {
    let early = |start| Call { start: start * MS, arrival: 200 * MS, ..call("a", 100 * MS) };
    early(99).is_not_early();
    early(98).is_not_early();
}

#[test]
#[should_panic(expected = "start: 100000000")]
fn who_arrives_before_it_starts_is_found() {
    Call { start: 100 * MS, arrival: 99 * MS, ..call("a", 100 * MS) }.is_not_early();
}

#[test]
fn what_arrives_is_what_started() {
    let mut calls = [call("7-1", 1), call("7-2", 2)];
    let came =
        |paths: &[(u64, &str)]| paths.iter().map(|(at, path)| (*at, (*path).to_owned())).collect::<Vec<_>>();
    arrive(&mut calls, &came(&[(9, "/7-2/ann/1"), (5, "/7-1/ann/1")]));
    assert_eq!([calls[0].arrival, calls[1].arrival], [5, 9]);
    let fails = |paths: &[(u64, &str)]| {
        let mut calls = calls.clone();
        std::panic::catch_unwind(move || arrive(&mut calls, &came(paths))).is_err()
    };
    assert!(fails(&[(9, "/7-2/ann/1")]), "one is missing");
    assert!(fails(&[(9, "/7-2/ann/1"), (9, "/7-2/ann/1")]), "one came twice");
    assert!(fails(&[(9, "/7-2/ann/1"), (5, "/7-1/ann/2")]), "one weighs more");
}

#[test]
fn at_the_edges_of_fixed_windows_nothing_is_certain() {
    let per = Duration::from_secs(1);
    let judged = |calls: &[Call], windows: &[u64]| {
        let (certain, openings) = certain(calls, &windows.iter().map(|at| at * MS).collect::<Vec<_>>(), per);
        let serials: String = certain.iter().map(|call| &*call.serial).collect();
        (serials, openings.into_iter().map(|at| at / MS).collect::<Vec<_>>())
    };
    let calls = [call("a", 0), call("b", 979 * MS), call("c", 980 * MS), call("d", 1020 * MS)];
    assert_eq!(judged(&calls, &[0, 1020]), ("abd".into(), vec![]));
    // A start that nobody made has opened it.
    assert_eq!(judged(&calls[1..], &[0, 1020]), ("bd".into(), vec![0]));
    // One that may have started before has.
    let early = Call { slack: MS, ..call("d", 1020 * MS) };
    assert_eq!(judged(&[call("a", 0), early], &[0, 1020]), ("a".into(), vec![1020]));
}
