//! What must hold over all that the processes start.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use ratelimit_core::{Bucket, Rate};

use crate::child::{self, Call};
use crate::server::Server;
use crate::stores::Place;

const PROCESSES: usize = 8;

/// Under which limits they call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scene {
    Sliding,
    TokenBucket,
    Fixed,
    /// Several rates, keys, and a total over them.
    All,
}

const SCENES: [Scene; 4] = [Scene::Sliding, Scene::TokenBucket, Scene::Fixed, Scene::All];

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
            Scene::TokenBucket => (vec![Rate::per_second(40).burst(40)], vec![]),
            Scene::Fixed => (vec![Rate::new(40, second).fixed()], vec![]),
            Scene::All => {
                (vec![Rate::new(24, second), Rate::per_second(30).burst(30)], vec![Rate::new(48, second)])
            }
        }
    }

    /// As many calls as surely start, though the machine is busy and the last ones weigh more: half of what may.
    fn least(self) -> usize {
        match self {
            Scene::All => 30,
            _ => 50,
        }
    }

    /// With the default guard.
    pub(crate) fn bucket(self) -> Bucket {
        let (rates, totals) = self.rates();
        let mut rates = rates.into_iter();
        let bucket = Bucket::named(format!("laws {self}"), rates.next().expect("one"));
        let bucket = rates.fold(bucket, Bucket::and);
        totals.into_iter().fold(bucket, Bucket::total)
    }

    /// Key and weight of a thread's next call.
    pub(crate) fn call(self, round: usize) -> (&'static str, u32) {
        match self {
            Scene::All => (["ann", "bob", "eve"][round % 3], if round.is_multiple_of(5) { 3 } else { 1 }),
            _ => ("ann", if round.is_multiple_of(7) { 2 } else { 1 }),
        }
    }

    /// Law 1 to 4 over starts in order of time: what breaks them, if anything does.
    fn judge(self, what: &str, calls: &[(u64, &str, u64)]) -> Result<(), String> {
        let (rates, totals) = self.rates();
        let keys: BTreeSet<&str> = calls.iter().map(|(_, key, _)| *key).collect();
        for key in keys {
            let of_key: Vec<(u64, u64)> =
                calls.iter().filter(|call| call.1 == key).map(|(at, _, weight)| (*at, *weight)).collect();
            for rate in &rates {
                judge(&format!("{self} {what}, {key}, {rate}"), *rate, &of_key)?;
            }
        }
        let all: Vec<(u64, u64)> = calls.iter().map(|(at, _, weight)| (*at, *weight)).collect();
        totals.iter().try_for_each(|rate| judge(&format!("{self} {what}, total {rate}"), *rate, &all))
    }
}

fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).expect("a span of a test")
}

fn judge(what: &str, rate: Rate, calls: &[(u64, u64)]) -> Result<(), String> {
    let per = nanos(rate.per());
    if rate.to_string().ends_with("fixed") {
        // It opens with its first start and is over one length later.
        let mut open = (0, 0);
        for (at, weight) in calls {
            open = if *at >= open.0 + per { (*at, *weight) } else { (open.0, open.1 + weight) };
            if open.1 > rate.amount().into() {
                return Err(format!("{what}: {} in the window that opened at {}", open.1, open.0));
            }
        }
        return Ok(());
    }
    for (index, (from, _)) in calls.iter().enumerate() {
        let mut sum = 0;
        for (at, weight) in &calls[index..] {
            let (span, amount) = (at - from, u64::from(rate.amount()));
            sum += weight;
            let most = match rate.burst_amount() {
                None if span > per => break,
                None => amount,
                Some(burst) => u64::from(burst) + span.div_ceil(per / amount),
            };
            if sum > most {
                return Err(format!("{what}: {sum} within {span} ns"));
            }
        }
    }
    Ok(())
}

/// How often it is tried until no machine that stood still was in the way.
const ATTEMPTS: usize = 5;

/// All that eight processes start under each of the limits.
///
/// By the store's time the laws hold always. By a clock of this machine they hold as long as no thread stands still for
/// longer than the guard between its permit and the moment that is noted: so of several attempts in one.
pub(crate) fn hold(place: &Place) {
    for scene in SCENES {
        let mut met = Vec::new();
        while let Err(problem) = attempt(place, scene) {
            println!("once more: {problem}");
            met.push(problem);
            assert!(met.len() < ATTEMPTS, "{met:?}");
        }
    }
}

fn attempt(place: &Place, scene: Scene) -> Result<(), String> {
    let server = Server::start();
    let children: Vec<_> = (0..PROCESSES).map(|_| child::start(place, scene, server.address)).collect();
    let by_process: Vec<Vec<Call>> = children.into_iter().map(child::calls).collect();
    let mut calls: Vec<&Call> = by_process.iter().flatten().collect();
    let by = |call: &&Call, at| (at, call.key.clone(), call.weight);
    calls.sort_by_key(|call| call.counted);
    let by_store: Vec<_> = calls.iter().map(|call| by(call, call.counted)).collect();
    calls.sort_by_key(|call| call.start);
    let by_host: Vec<_> = calls.iter().map(|call| by(call, call.start)).collect();
    let by_server: Vec<_> = server.arrivals().iter().map(|(at, path)| parsed(*at, path)).collect();
    let shares: Vec<usize> = by_process.iter().map(Vec::len).collect();
    println!("{scene}: {} starts, by process {shares:?}", by_host.len());
    assert_eq!(by_server.len(), by_host.len(), "each start is a request");
    let judged = |what, calls: &[(u64, String, u64)]| {
        let calls: Vec<_> = calls.iter().map(|(at, key, weight)| (*at, &**key, *weight)).collect();
        scene.judge(what, &calls)
    };
    if let Err(problem) = judged("by the store's clock", &by_store) {
        panic!("{problem}");
    }
    assert!(shares.iter().all(|share| *share > 0), "{scene}: somebody never starts: {shares:?}");
    let least = scene.least();
    assert!(by_host.len() >= least, "{scene}: slower than the limits permit, {} of {least}", by_host.len());
    judged("by the host's clock", &by_host)?;
    judged("by the server's clock", &by_server)
}

fn parsed(at: u64, path: &str) -> (u64, String, u64) {
    let mut words = path.split('/').skip(1);
    let key = words.next().expect("a key").to_owned();
    (at, key, words.next().expect("a weight").parse().expect("a weight"))
}
