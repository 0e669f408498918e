//! Whatever is written ends by itself.

use super::servers::{SOON, ask, connect, hourly, play_one, rates, take};
use super::*;
use crate::feedback::{Feedback, Scope};
use crate::limits::Learning;
use crate::rate::{Rate, Shape};
use crate::store::ask::Windows;
use crate::store::record::{AHEAD, KEEP, LONGEST, UNIT};
use crate::store::window::Heard;

#[test]
fn every_key_ends_by_itself() {
    let Some(server) = RedisServer::start() else { return };
    let store = connect(&server).namespace("a:b{c}");
    let plans = [
        hourly(9),
        rates(&[Rate::per_second(5).burst(3)]),
        rates(&[Rate::per_minute(5).fixed()]),
        rates(&[]),
        rates(&[Rate::per_second(5), Rate::per_minute(7).fixed(), Rate::per_day(50).burst(50)]),
    ];
    for (index, plan) in plans.iter().enumerate() {
        let bucket = format!("b{index}");
        let Ok(Said::Granted { start, .. }) = play_one(&store, &ask(&bucket, None, plan, take(1))) else {
            panic!()
        };
        let verbs = [
            Verb::Charge { weight: 2 },
            Verb::Refund { start, weight: 1, given: 1, born: [0; 2] },
            Verb::Reset,
            take(1),
        ];
        for (key, verb) in verbs.into_iter().enumerate() {
            let key = format!("k{key}");
            play_one(&store, &ask(&bucket, Some(&key), plan, verb.clone())).unwrap();
            play_one(&store, &ask(&bucket, None, plan, verb)).unwrap();
        }
    }
    let keys: Vec<String> = server.run("KEYS *");
    assert_eq!(keys.len(), plans.len() * 5);
    for key in keys {
        assert!(key.starts_with("rl:v1:{a%3Ab%7Bc%7D:b"), "{key}");
        assert!(server.run::<i64>(&format!("PTTL {key}")) > 0, "{key} ends by itself");
    }
}

/// A window of a key, one by another name, and what the server says to everybody.
#[test]
fn every_window_ends_by_itself() {
    let Some(server) = RedisServer::start() else { return };
    let store = connect(&server);
    let bucket = escaped("api");
    let entry = |key: Option<&str>, window| Entry::window(&bucket, key, window);
    let learning =
        Learning { is_declared: false, remember: SOON, server_names: true, max_pause: Duration::MAX };
    let windows =
        |all| Windows { entry: entry(Some("ann"), "~a"), window: "~a".into(), all, weighs: 1, learning };
    let everybody = || windows(entry(None, "*"));
    let call = ask("api", Some("ann"), &hourly(9), take(1)).in_windows(Some(everybody()));
    let Ok(Said::Granted { start, .. }) = play_one(&store, &call) else { panic!() };
    let pause = Feedback::default().rejected(true).scope(Scope::Global);
    let answers =
        [pause.clone().retry_after(SOON), pause.retry_after(Duration::MAX), Feedback::default().limit(9)];
    for answer in answers {
        let hear = Verb::Hear { start, weight: 1, heard: Box::new(Heard::Answer(Some(answer))) };
        play_one(&store, &Ask::of_windows(everybody(), hear)).unwrap();
        let keys: Vec<String> = server.run("KEYS *");
        assert_eq!(keys.len(), 3, "{keys:?}");
        assert!(keys.iter().all(|key| server.run::<i64>(&format!("PTTL {key}")) > 0));
    }
    let rename = Verb::Rename { name: "=b".into(), joins: true };
    play_one(&store, &Ask::of_windows(windows(entry(Some("ann"), "=b")), rename)).unwrap();
    let keys: Vec<String> = server.run("KEYS *");
    assert_eq!(keys.len(), 4, "{keys:?}");
    assert!(keys.iter().all(|key| server.run::<i64>(&format!("PTTL {key}")) > 0));
}

const SECOND: u64 = 1_000_000;

/// A start: when, and of which weight.
type Start = (u64, u64);

/// From when on such starts count no more, by the limits' own words.
fn counts_until(plan: &Plan, starts: &[Start]) -> u64 {
    let (newest, _) = *starts.last().unwrap();
    let until = plan.counted.iter().map(|Guarded { rate, guard }| {
        let per = rate.per_nanos();
        match rate.shape() {
            // A start exactly one window old still counts.
            Shape::Sliding => newest + per + guard + 1,
            Shape::Fixed => {
                let opened = |open: u64, (at, _): &Start| if *at >= open + per + guard { *at } else { open };
                starts.iter().fold(0, opened) + per + guard
            }
            Shape::Burst(_) => {
                let spacing = per / u64::from(rate.amount());
                starts.iter().fold(0, |tat: u64, (at, weight)| tat.max(*at) + weight * spacing) + guard
            }
        }
    });
    until.max().unwrap_or(0).max(newest)
}

/// When the server forgets that key, in microseconds.
fn ends_at(server: &RedisServer, key: &str) -> u64 {
    1000 * server.run::<u64>(&format!("PEXPIRETIME {key}"))
}

/// The latest end of what was begun then and counts until then.
fn latest(begun: u64, until: u64) -> u64 {
    // A server counts in milliseconds.
    until + KEEP + (until + KEEP - begun) / AHEAD + UNIT + 1_000
}

fn assert_kept(server: &RedisServer, key: &str, (begun, until): (u64, u64), what: &str) {
    let ends = ends_at(server, key);
    let most = latest(begun, until);
    assert!(
        (until + KEEP..=most).contains(&ends),
        "{what}: {key} until {until}, and kept until {ends}, not {most}"
    );
}

/// Not for a moment less than it counts, for a second and an eighth longer, and a second by which that is rounded: by the
/// script as by what is written here.
#[test]
fn every_key_is_kept_for_as_long_as_it_counts() {
    let Some(server) = RedisServer::start() else { return };
    let store = connect(&server);
    let guarded = |rate: Rate, guard: u64| Guarded { rate, guard: 1000 * guard };
    let (minute, bucket) = (Rate::per_minute(4), Rate::per_second(5).burst(20));
    let plans: [&[Guarded]; 8] = [
        &[guarded(minute, 0)],
        &[guarded(minute, 20_000)],
        &[guarded(bucket, 0)],
        &[guarded(bucket, 20_000)],
        &[guarded(minute.fixed(), 20_000)],
        &[guarded(Rate::per_day(9), 20_000)],
        &[guarded(bucket, 20_000), guarded(Rate::per_second(5), 0), guarded(minute.fixed(), 7)],
        &[],
    ];
    for (index, rates) in plans.into_iter().enumerate() {
        let (plan, all) = (plan(rates), self::rates(&[Rate::per_hour(90)]));
        let bucket = format!("b{index}");
        let key = format!("rl:v1:{{default:{bucket}}}");
        let mut starts: Vec<Start> = Vec::new();
        let verbs = [
            take(1),
            Verb::Charge { weight: 3 },
            // What is reserved is to come.
            Verb::Acquire(Acquire { weight: 2, after: 0, slack: 0, allowance: u64::MAX, reserves: true }),
            Verb::Acquire(Acquire { weight: 1, after: 0, slack: 9_000, allowance: u64::MAX, reserves: true }),
        ];
        for verb in verbs {
            let (Verb::Acquire(Acquire { weight, .. }) | Verb::Charge { weight }) = verb else { panic!() };
            // What holds up the key alone is not reserved beside a total.
            let is_of_all = starts.len() < 2;
            let mut ask = ask(&bucket, None, &plan, verb);
            if is_of_all {
                let entry = Entry::total(&escaped(&bucket));
                ask.parts.push(Part { entry, plan: Arc::clone(&all), known: Known::default() });
            }
            let Ok(Said::Granted { start, .. }) = play_one(&store, &ask) else { panic!() };
            starts.push((start, weight.into()));
            let what = format!("{rates:?} of {starts:?}");
            let (begun, _) = starts[0];
            assert_kept(&server, &key, (begun, counts_until(&plan, &starts)), &what);
            if is_of_all {
                assert_kept(&server, &format!("{key}/total"), (begun, counts_until(&all, &starts)), &what);
            }
        }
        // What is given back is kept for as long as what is left of it, and no longer than before.
        let (start, weight) = starts.pop().unwrap();
        let before = ends_at(&server, &key);
        let weight = u32::try_from(weight).unwrap();
        let refund = Verb::Refund { start, weight, given: weight, born: [0; 2] };
        play_one(&store, &ask(&bucket, None, &plan, refund)).unwrap();
        let ends = ends_at(&server, &key);
        assert!((counts_until(&plan, &starts)..=before).contains(&ends), "{rates:?} of {starts:?}: {ends}");
    }
}

/// Told ahead when a key ends, the server is told so once, by whoever writes first.
#[test]
fn the_end_of_a_key_stays_while_it_is_late_enough() {
    let Some(server) = RedisServer::start() else { return };
    let store = connect(&server);
    for (index, rate) in
        [Rate::per_hour(90), Rate::per_hour(90).fixed(), Rate::per_hour(90).burst(90)].into_iter().enumerate()
    {
        let exact = rates(&[rate]);
        let guarded = plan(&[Guarded { rate, guard: 1_000_000_000_000 }]);
        for by_script in [true, false] {
            let bucket = format!("b{index}{by_script}");
            let key = format!("rl:v1:{{default:{bucket}}}");
            let call = |plan, verb| match play_one(&store, &ask(&bucket, None, plan, verb)) {
                Ok(Said::Granted { start, .. }) => start,
                Ok(Said::Done { now, .. }) => now,
                other => panic!("{other:?}"),
            };
            let again = || {
                if by_script { take(1) } else { Verb::Restore { records: vec![None], lost: false } }
            };
            let begun = call(&exact, take(60));
            let ends = ends_at(&server, &key);
            assert_kept(&server, &key, (begun, counts_until(&exact, &[(begun, 60)])), "exact");
            for _ in 0..4 {
                call(&exact, again());
                assert_eq!(ends_at(&server, &key), ends, "{rate}");
            }
            // Whose guard is longer keeps it for longer, and then it stays so for all.
            let start = call(&guarded, Verb::Charge { weight: 1 });
            let later = ends_at(&server, &key);
            let starts = [(begun, 60), (start, 1)];
            assert!(later >= counts_until(&guarded, &starts) + KEEP, "{rate}: {ends}, {later}");
            call(&exact, again());
            assert_eq!(ends_at(&server, &key), later, "{rate}");
            // A reset is known for as long as what was there.
            call(&exact, Verb::Reset);
            call(&exact, take(1));
            assert_eq!(ends_at(&server, &key), later, "{rate}");
        }
    }
}

/// What never counts less, or not in this life.
#[test]
fn what_counts_for_ever_is_kept_for_ten_years() {
    let Some(server) = RedisServer::start() else { return };
    let store = connect(&server);
    let plan = rates(&[Rate::new(1, Duration::from_secs(100 * 365 * 86_400))]);
    let Ok(Said::Granted { start, .. }) = play_one(&store, &ask("api", None, &plan, take(1))) else {
        panic!()
    };
    let ends = ends_at(&server, "rl:v1:{default:api}");
    assert!((start + LONGEST - 2 * SECOND..=start + LONGEST).contains(&ends));
}

/// What the server says counts until it is over, and is remembered for so long then; calls of which nobody hears any more
/// count for two turns of half a minute, and a third is between.
#[test]
fn every_window_is_kept_for_as_long_as_it_is_remembered() {
    let Some(server) = RedisServer::start() else { return };
    let store = connect(&server);
    let bucket = escaped("api");
    let entry = |key: Option<&str>, window| Entry::window(&bucket, key, window);
    let learning =
        Learning { is_declared: false, remember: SOON, server_names: true, max_pause: Duration::MAX };
    let windows = || {
        let (entry, all) = (entry(Some("ann"), "~a"), entry(None, "*"));
        Windows { entry, window: "~a".into(), all, weighs: 1, learning }
    };
    let key = "rl:v1:{default:api}/window:~a:ann";
    let (turn, lots) = (30 * SECOND, 60 * SECOND);
    let kept = |least: u64, most: u64, what: &str| {
        let ends = ends_at(&server, key);
        assert!((least..=most + SECOND).contains(&ends), "{what}: from {least} to {most}, and {ends}");
    };
    let call = || ask("api", Some("ann"), &hourly(9), take(1)).in_windows(Some(windows()));
    let Ok(Said::Granted { start, .. }) = play_one(&store, &call()) else { panic!() };
    kept(start + lots, start + lots + turn, "a call is on its way");
    let said = Feedback::default().limit(9).remaining(4).reset_after(Duration::from_secs(100));
    let hear = Verb::Hear { start, weight: 1, heard: Heard::Answer(Some(said)).into() };
    let Ok(Said::Done { now, .. }) = play_one(&store, &Ask::of_windows(windows(), hear)) else { panic!() };
    let soon = u64::try_from(SOON.as_micros()).unwrap();
    let until = now + 100 * SECOND + soon;
    kept(until, until + turn + SECOND, "it has told its window");
    let Ok(Said::Granted { start, .. }) = play_one(&store, &call()) else { panic!() };
    kept(until + lots, until + lots + turn + SECOND, "a call counts there");
    let rejected =
        Feedback::default().rejected(true).retry_after(Duration::from_secs(500)).scope(Scope::Global);
    let hear = Verb::Hear { start, weight: 1, heard: Heard::Answer(Some(rejected)).into() };
    let Ok(Said::Done { now, .. }) = play_one(&store, &Ask::of_windows(windows(), hear)) else { panic!() };
    let ends = ends_at(&server, "rl:v1:{default:api}/window:*");
    let until = now + 500 * SECOND;
    assert!(
        (until..=until + soon + turn + 2 * SECOND).contains(&ends),
        "it wants to be left alone: {until}, {ends}"
    );
}
