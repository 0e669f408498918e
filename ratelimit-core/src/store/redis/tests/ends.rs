//! Whatever is written ends by itself.

use super::servers::{SOON, ask, connect, hourly, play_one, rates, take};
use super::*;
use crate::feedback::{Feedback, Scope};
use crate::limits::Learning;
use crate::rate::Rate;
use crate::store::ask::Windows;
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
