//! What must hold over all that the processes start.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::thread;
use std::time::{Duration, Instant};

use ratelimit_core::{Bucket, Rate, RateOutlook};

use crate::child::{self, Done};
use crate::delays::{self, Met, Took};
use crate::judge::{Law, Start};
use crate::lateness::{self, Call, GUARD};
use crate::machine::{self, must};
use crate::server::Server;
use crate::stores::Place;

/// By how many hours the clock of each of the eight is ahead: that of a store is the only one that counts.
const HOURS: [usize; 8] = [0, 1, 0, 2, 0, 1, 0, 24];

/// Nobody has to wait for it: it counts all that was ever taken.
const WIDE: Rate = Rate::per_hour(100_000);

/// Under which limits they call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scene {
    Sliding,
    TokenBucket,
    Fixed,
    /// Several rates, keys, and a total over them.
    All,
}

pub(crate) const SCENES: [Scene; 4] = [Scene::Sliding, Scene::TokenBucket, Scene::Fixed, Scene::All];

impl fmt::Display for Scene {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

impl FromStr for Scene {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let scene = SCENES.iter().find(|scene| scene.to_string() == text);
        scene.copied().ok_or_else(|| format!("no scene {text}"))
    }
}

impl Scene {
    /// The rates of each key, and those of all together.
    fn rates(self) -> (Vec<Rate>, Vec<Rate>) {
        let second = Duration::from_secs(1);
        match self {
            Scene::Sliding => (vec![Rate::new(40, second)], vec![]),
            Scene::TokenBucket => (vec![Rate::per_second(40).burst(40), WIDE], vec![]),
            Scene::Fixed => (vec![Rate::new(40, second).fixed(), WIDE], vec![]),
            Scene::All => (
                vec![Rate::new(24, second), Rate::per_second(30).burst(30), WIDE],
                vec![Rate::new(48, second), WIDE],
            ),
        }
    }

    /// As many calls as surely start, though the machine is busy and the last ones weigh more: a third of what do on one
    /// that is not, and less where keys share a total.
    fn least(self) -> usize {
        match self {
            Scene::All => 30,
            _ => 50,
        }
    }

    /// With the default guard; each attempt has one of its own, or it would begin in a window that the last one opened.
    pub(crate) fn bucket(self, attempt: usize) -> Bucket {
        let (rates, totals) = self.rates();
        let mut rates = rates.into_iter();
        let bucket = Bucket::named(format!("laws {self} {attempt}"), rates.next().expect("one"));
        let bucket = rates.fold(bucket, Bucket::and);
        totals.into_iter().fold(bucket, Bucket::total)
    }

    /// Key, weight and the longest accepted wait of a thread's next call.
    pub(crate) fn call(self, round: usize) -> (&'static str, u32, Duration) {
        let allowed = Duration::from_millis([2000, 300, 2000, 0][round % 4]);
        match self {
            Scene::All => {
                (["ann", "bob", "eve"][round % 3], if round.is_multiple_of(5) { 3 } else { 1 }, allowed)
            }
            _ => ("ann", if round.is_multiple_of(7) { 2 } else { 1 }, allowed),
        }
    }

    /// Law 1 to 4 over calls, each at the time that `at` tells: what breaks them, if anything does.
    ///
    /// Calls are to be apart by so much more than the rates say, and a fixed window may have opened at one of `openings`.
    fn judge(
        self,
        calls: &[Call],
        longer: Duration,
        openings: &[u64],
        at: impl Fn(&Call) -> u64,
    ) -> Result<(), String> {
        let (rates, totals) = self.rates();
        let started = |key: Option<&str>| {
            let of_key = calls.iter().filter(|call| key.is_none_or(|key| call.key == key));
            let mut starts: Vec<Start> = of_key.map(|call| (at(call), call.weight)).collect();
            starts.sort_unstable();
            starts
        };
        let judge = |rate: &Rate, starts: &[Start], whose: &str| {
            let law = Law { rate: *rate, longer };
            law.judge(starts, openings).map_err(|problem| format!("{self}, {whose}, {rate}: {problem}"))
        };
        let keys: BTreeSet<&str> = calls.iter().map(|call| &*call.key).collect();
        for key in keys {
            let starts = started(Some(key));
            rates.iter().try_for_each(|rate| judge(rate, &starts, key))?;
        }
        totals.iter().try_for_each(|rate| judge(rate, &started(None), "all together"))
    }

    /// What is counted in the end is what has started, and of so many starts that were void what came back too late: a refusal
    /// takes nothing, of the other rates of its key, and of all together.
    fn judge_counts(self, place: &Place, attempt: usize, calls: &[Call], voids: usize) {
        let bucket = place.over(self.bucket(attempt));
        let judge = |used: u32, of_key: Option<&str>| {
            let of_key = calls.iter().filter(|call| of_key.is_none_or(|key| call.key == key));
            let started: u64 = of_key.map(|call| call.weight).sum();
            let most = started + HEAVIEST * voids as u64;
            must((started..=most).contains(&used.into()), || {
                format!("{self}: {used} are counted, {started} have started, and {voids} were void")
            });
        };
        let keys: BTreeSet<&str> = calls.iter().map(|call| &*call.key).collect();
        for key in keys {
            let outlook = bucket.request().key(key).peek().expect("a store that answers");
            let mut wide = outlook.rates().iter().filter(|seen| seen.rate() == WIDE).map(RateOutlook::used);
            wide.next().into_iter().for_each(|used| judge(used, Some(key)));
            wide.next().into_iter().for_each(|used| judge(used, None));
        }
    }

    /// Those calls of which it is certain in which of the server's windows they arrive, in time, and when such windows may
    /// have opened with a call that is not among them; `voids` are starts that were reserved and not used.
    fn certain(self, calls: &[Call], voids: &[u64]) -> (Vec<Call>, Vec<u64>) {
        let (rates, _) = self.rates();
        let law = Law { rate: rates[0], longer: GUARD };
        if !law.is_fixed() {
            return (calls.to_vec(), Vec::new());
        }
        let mut starts: Vec<Start> = calls.iter().map(|call| (call.counted, call.weight)).collect();
        starts.sort_unstable();
        let windows = law.windows(&starts, voids).expect("it was judged before");
        lateness::certain(calls, &windows, law.rate.per())
    }
}

/// What each of the processes was held up by, and each of the calls that it started, as they stand in `calls`.
fn judge_delays(done: Vec<Done>, calls: &[Call], mut stalls: Vec<Took>) {
    // The machine is the same for all, and each sees it stand still only where its own thread does.
    stalls.extend(done.iter().flat_map(|done| done.met.stalls.clone()));
    let (mut calls, mut refused) = (calls.iter(), 0);
    for Done { calls: started, voids, refused: refusals, met } in done {
        let met = Met { stalls: stalls.clone(), ..met };
        calls.by_ref().take(started.len()).for_each(|call| met.judge_start(call));
        refused += refusals.len();
        for refusal in refusals {
            met.judge_refusal(&refusal);
        }
        for counted in voids {
            met.judge_void(counted);
        }
    }
    println!("{refused} were refused");
    assert!(
        refused > 0,
        "calls that may wait for less than others, and not for as long as they would have to"
    );
}

/// No call weighs more.
const HEAVIEST: u64 = 3;

/// How often it is tried until no machine that stood still was in the way of what is judged as it was.
const ATTEMPTS: usize = 3;

/// All that eight processes start under each of the limits.
///
/// By the store's time the laws hold in each attempt, and by a clock of this machine as far as nothing is later than the
/// guard. That nothing is nobody can promise: a thread may stand still between its permit and the moment that is noted. So
/// of several attempts the laws hold in one by the times as they were noted; and in each nothing is later than the guard for
/// which nobody has seen what was in its way, so that an attempt in which nothing was has to hold as it is.
pub(crate) fn hold(place: &Place, scenes: &[Scene]) {
    for scene in scenes {
        let mut met = Vec::new();
        while let Err(problem) = attempt(place, *scene, met.len()) {
            println!("once more: {problem}");
            met.push(problem);
            assert!(met.len() < ATTEMPTS, "{met:?}");
        }
    }
}

fn attempt(place: &Place, scene: Scene, attempt: usize) -> Result<(), String> {
    machine::watch();
    let (server, began) = (Server::start(), Instant::now());
    let start = |hours| child::start(place, (scene, attempt), server.address, hours);
    let children: Vec<_> = HOURS.into_iter().map(start).collect();
    // What nobody reads would hold them up.
    let children: Vec<_> = children.into_iter().map(|child| thread::spawn(|| child::done(child))).collect();
    let done: Vec<Done> = children.into_iter().map(|done| done.join().expect("what it has done")).collect();
    let shares: Vec<usize> = done.iter().map(|done| done.calls.len()).collect();
    let voids: Vec<u64> = done.iter().flat_map(|done| done.voids.clone()).collect();
    let mut calls: Vec<Call> = done.iter().flat_map(|done| done.calls.clone()).collect();
    lateness::arrive(&mut calls, &server.arrivals());
    // What all are held up by alike is reserved, so that whoever waits has a start of its own.
    assert!(scene == Scene::All || done.iter().all(|done| done.met.laters.is_empty()));
    judge_delays(done, &calls, delays::stalls_since(began));
    scene.judge_counts(place, attempt, &calls, voids.len());
    let late = calls.iter().filter(|call| call.start > call.latest()).count();
    let came_late = calls.iter().filter(|call| call.arrival > call.latest()).count();
    println!(
        "{scene}: {} starts, by process {shares:?}; {late} were later than the guard, {came_late} came later, {} were void",
        calls.len(),
        voids.len()
    );
    assert!(shares.iter().all(|share| *share > 0), "{scene}: somebody never starts: {shares:?}");
    let least = scene.least();
    assert!(calls.len() >= least, "{scene}: slower than the limits permit, {} of {least}", calls.len());
    let always = |what: &str, judged: Result<(), String>| {
        must(judged.is_ok(), || format!("by {what}: {judged:?}"));
    };
    always("the store's clock", scene.judge(&calls, GUARD, &voids, |call| call.counted));
    calls.iter().for_each(Call::is_not_early);
    let (certain, openings) = scene.certain(&calls, &voids);
    println!("{} in doubt", calls.len() - certain.len());
    let judge = |at: fn(&Call) -> u64| scene.judge(&certain, Duration::ZERO, &openings, at);
    always("the host's clock, cut", judge(|call| call.in_time(call.start)));
    always("the server's clock, cut", judge(|call| call.in_time(call.arrival)));
    let uncut = |at: fn(&Call) -> u64| scene.judge(&calls, Duration::ZERO, &voids, at);
    uncut(|call| call.start).map_err(|problem| format!("by the host's clock: {problem}"))?;
    uncut(|call| call.arrival).map_err(|problem| format!("by the server's clock: {problem}"))
}
