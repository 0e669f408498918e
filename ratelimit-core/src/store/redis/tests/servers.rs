//! The store on servers that are as they should be, and on some that are not.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use super::machine::in_real_time;
use super::*;
use crate::rate::Rate;

pub(super) const SOON: Duration = Duration::from_secs(10);

pub(super) fn rates(rates: &[Rate]) -> Arc<Plan> {
    let guarded = |rate: &Rate| Guarded { rate: *rate, guard: 0 };
    plan(&rates.iter().map(guarded).collect::<Vec<_>>())
}

pub(super) fn hourly(amount: u32) -> Arc<Plan> {
    rates(&[Rate::per_hour(amount)])
}

pub(super) fn ask(bucket: &str, key: Option<&str>, plan: &Arc<Plan>, verb: Verb) -> Ask {
    Ask::of(vec![part(bucket, key, plan)], verb)
}

pub(super) fn take(weight: u32) -> Verb {
    Verb::Acquire(Acquire { weight, after: 0, slack: 0, allowance: 0, reserves: true })
}

pub(super) fn play(store: &RedisStore, asks: &[Ask]) -> Vec<Result<Said, String>> {
    let answers = store.play(asks, SOON).into_iter();
    answers.map(|answer| answer.map(|Answer(said)| said).map_err(|why| why.to_string())).collect()
}

pub(super) fn play_one(store: &RedisStore, ask: &Ask) -> Result<Said, String> {
    play(store, std::slice::from_ref(ask)).pop().unwrap()
}

pub(super) fn is_granted(said: &Result<Said, String>) -> bool {
    match said {
        Ok(Said::Granted { .. }) => true,
        Ok(Said::Refused(_)) => false,
        other => panic!("{other:?}"),
    }
}

pub(super) fn connect(server: &RedisServer) -> RedisStore {
    RedisStore::connect(&server.url()).unwrap()
}

/// Passes commands on, and counts how often, and how many.
#[derive(Debug)]
struct Counted(Server, Arc<[AtomicUsize; 2]>);

impl Transport for Counted {
    fn send(&self, commands: &[Command], timeout: Duration) -> Vec<Result<Reply, Failure>> {
        self.1[0].fetch_add(1, Ordering::SeqCst);
        self.1[1].fetch_add(commands.len(), Ordering::SeqCst);
        self.0.send(commands, timeout)
    }
}

fn counted(server: &RedisServer) -> (RedisStore, impl Fn() -> [usize; 2] + use<>) {
    let counts: Arc<[AtomicUsize; 2]> = Arc::default();
    let store =
        RedisStore::with_transport(Counted(Server::new(info(&server.url()).unwrap()), Arc::clone(&counts)));
    (store, move || [counts[0].swap(0, Ordering::SeqCst), counts[1].swap(0, Ordering::SeqCst)])
}

#[test]
fn many_acquires_of_one_bucket_are_one_command() {
    let Some(server) = RedisServer::start() else { return };
    let (store, counts) = counted(&server);
    let plan = hourly(60);
    let asks: Vec<_> = (0..64).map(|_| ask("api", None, &plan, take(1))).collect();
    play_one(&store, &asks[0]).unwrap();
    counts();
    let granted = play(&store, &asks).iter().filter(|said| is_granted(said)).count();
    assert_eq!((granted, counts()), (59, [1, 1]));
    let asks: Vec<_> = (0..64).map(|index| ask(&format!("b{}", index % 4), None, &plan, take(1))).collect();
    assert!(play(&store, &asks).iter().all(is_granted));
    assert_eq!(counts(), [1, 4]);
}

/// What is no common case is over before those behind it are played.
#[test]
fn asks_are_played_in_their_order() {
    let Some(server) = RedisServer::start() else { return };
    let store = connect(&server);
    let plan = hourly(3);
    let one = |verb| ask("api", None, &plan, verb);
    let Ok(Said::Granted { start, .. }) = play_one(&store, &one(take(2))) else { panic!() };
    let refund = Verb::Refund { start, weight: 2, given: 2, born: [0; 2] };
    let asks = [take(2), refund, take(2), Verb::Charge { weight: 1 }, take(1), Verb::Reset, take(3), take(1)];
    let answers = play(&store, &asks.map(one));
    let granted = [0, 2, 4, 6, 7].map(|index| is_granted(&answers[index]));
    assert_eq!(granted, [false, true, false, true, false], "{answers:?}");
}

#[test]
fn a_window_grows_as_it_is_used() {
    let Some(server) = RedisServer::start() else { return };
    let (store, counts) = counted(&server);
    let plan = hourly(1000);
    for start in 0..1000 {
        assert!(is_granted(&play_one(&store, &ask("api", None, &plan, take(1)))), "{start}");
    }
    let [_, commands] = counts();
    assert!(commands < 1100, "{commands} commands for 1,000 acquires");
    assert!(!is_granted(&play_one(&store, &ask("api", None, &plan, take(1)))));
    let bytes: usize = server.run("MEMORY USAGE rl:v1:{default:api}");
    assert!(bytes < 11_000, "{bytes} bytes for 1,000 starts");
}

pub(super) fn in_threads(threads: usize, each: impl Fn(usize) -> usize + Sync) -> usize {
    thread::scope(|scope| {
        let threads: Vec<_> = (0..threads)
            .map(|thread| {
                scope.spawn({
                    let each = &each;
                    move || each(thread)
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    })
}

#[test]
fn threads_together_are_granted_the_amount() {
    let Some(server) = RedisServer::start() else { return };
    let stores = [connect(&server), connect(&server)];
    let (plan, total) = (hourly(1000), hourly(700));
    let granted = in_threads(8, |thread| {
        let store = &stores[thread % 2];
        (0..200).filter(|_| is_granted(&play_one(store, &ask("api", None, &plan, take(1))))).count()
    });
    assert_eq!(granted, 1000);
    // By keys, and all of them together.
    let granted = in_threads(8, |thread| {
        let mut ask = ask("keyed", Some(&format!("k{}", thread % 4)), &plan, take(1));
        ask.parts.push(Part {
            entry: Entry::total(&escaped("keyed")),
            plan: Arc::clone(&total),
            known: Known::default(),
        });
        (0..100).filter(|_| is_granted(&play_one(&stores[thread % 2], &ask))).count()
    });
    assert_eq!(granted, 700);
}

#[test]
fn a_script_that_is_forgotten_again_and_again_is_sent_again() {
    let Some(server) = RedisServer::start() else { return };
    let (store, is_over, flushes) = (connect(&server), AtomicBool::new(false), AtomicUsize::new(0));
    let plan = hourly(500);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut connection = server.connection();
            while !is_over.load(Ordering::SeqCst) {
                let _: String = ::redis::cmd("SCRIPT").arg("FLUSH").query(&mut connection).unwrap();
                flushes.fetch_add(1, Ordering::SeqCst);
            }
        });
        let granted = in_threads(4, |_| {
            (0..200).filter(|_| is_granted(&play_one(&store, &ask("api", None, &plan, take(1))))).count()
        });
        is_over.store(true, Ordering::SeqCst);
        assert_eq!(granted, 500);
    });
    assert!(flushes.into_inner() > 50);
}

#[test]
fn a_user_with_few_rights_will_do() {
    let Some(server) = RedisServer::start() else { return };
    server.run::<String>("ACL SETUSER limiter on >secret ~rl:v1:* -@all +eval +evalsha +time +get +set +getrange +setrange +pexpireat");
    let url = format!("redis://limiter:secret@127.0.0.1:{}", server.port());
    let store = RedisStore::connect(&url).unwrap();
    assert!(!format!("{store:?}").contains("secret"));
    for plan in [hourly(30), rates(&[Rate::per_second(5).burst(40)])] {
        let asks: Vec<_> = (0..20).map(|_| ask("api", None, &plan, take(1))).collect();
        assert!(play(&store, &asks).iter().all(is_granted));
        let others = [Verb::Charge { weight: 1 }, Verb::Peek { weight: 1 }, Verb::Reset, take(1)];
        for said in play(&store, &others.map(|verb| ask("api", None, &plan, verb))) {
            said.unwrap();
        }
        server.run::<String>("FLUSHALL");
    }
    let log: Vec<::redis::Value> = server.run("ACL LOG");
    assert!(log.is_empty(), "{log:?}");
    // Another database has to be chosen, which is a right of its own.
    let second = RedisStore::connect(&format!("{url}/2")).unwrap();
    let call = || play_one(&second, &ask("api", None, &hourly(3), take(1)));
    let why = call().unwrap_err();
    assert!(why.contains("NOPERM") || why.contains("select"), "{why}");
    server.run::<String>("ACL SETUSER limiter +select");
    assert!(is_granted(&call()));
    assert_eq!(server.run::<i64>("EXISTS rl:v1:{default:api}"), 0, "it is in the other one");
    let wrong = RedisStore::connect(&url.replace("secret", "guess")).unwrap();
    let why = play_one(&wrong, &ask("api", None, &hourly(3), take(1))).unwrap_err();
    assert!(why.contains("it refused `AUTH`"), "{why}");
}

#[test]
fn what_cannot_be_read_is_an_error_and_stays() {
    let Some(server) = RedisServer::start() else { return };
    let store = connect(&server);
    let (plan, mut connection) = (hourly(30), server.connection());
    let asks = ["good", "bad", "better"].map(|key| ask("api", Some(key), &plan, take(1)));
    assert!(play(&store, &asks).iter().all(is_granted));
    let key = "rl:v1:{default:api}:bad";
    let whole: Vec<u8> = ::redis::cmd("GET").arg(key).query(&mut connection).unwrap();
    let with = |at: usize, byte: u8| {
        let mut bytes = whole.clone();
        bytes[at] = byte;
        bytes
    };
    let (version, cut) = (with(0, 9), whole[..whole.len() - 8].to_vec());
    let damaged = [version, cut, whole[..9].to_vec(), with(49, 77), b"a stranger's".to_vec()];
    for (index, bytes) in damaged.iter().enumerate() {
        let _: String = ::redis::cmd("SET").arg(key).arg(bytes).query(&mut connection).unwrap();
        for verb in [take(1), Verb::Peek { weight: 1 }] {
            let asks = ["good", "bad", "better"].map(|key| ask("api", Some(key), &plan, verb.clone()));
            let answers = play(&store, &asks);
            // What ends in the middle of a ring is noticed by whoever reads the ring.
            let is_seen = index != 1 || matches!(verb, Verb::Peek { .. });
            let text = answers[1].as_ref().err().cloned().unwrap_or_default();
            assert_eq!(text.contains("cannot be read"), is_seen, "{index}: {answers:?}");
            assert!(answers[0].is_ok() && answers[2].is_ok());
            if is_seen {
                let found: Vec<u8> = ::redis::cmd("GET").arg(key).query(&mut connection).unwrap();
                assert_eq!((&found, server.run::<i64>(&format!("PTTL {key}"))), (bytes, -1));
            }
            let _: String = ::redis::cmd("SET").arg(key).arg(bytes).query(&mut connection).unwrap();
        }
    }
    server.run::<i64>(&format!("DEL {key}"));
    server.run::<i64>(&format!("LPUSH {key} x"));
    let answers = play(&store, &asks);
    assert!(answers[1].as_ref().unwrap_err().contains("WRONGTYPE"), "{answers:?}");
    assert!(is_granted(&answers[0]) && is_granted(&answers[2]));
}

/// Whoever looks for a start in it notices.
#[test]
fn a_record_that_ends_in_its_ring_is_an_error_of_its_own() {
    let Some(server) = RedisServer::start() else { return };
    let store = connect(&server);
    let (plan, mut connection) = (hourly(30), server.connection());
    for weight in [1, 2] {
        let key = format!("weighs-{weight}");
        let (one, other) =
            (ask("api", Some(&key), &plan, take(weight)), ask("api", Some("well"), &plan, take(1)));
        while is_granted(&play_one(&store, &one)) {}
        let name = format!("rl:v1:{{default:api}}:{key}");
        let whole: Vec<u8> = ::redis::cmd("GET").arg(&name).query(&mut connection).unwrap();
        let cut = &whole[..whole.len() - 8 * (slots_of(&whole) - 1)];
        let _: String = ::redis::cmd("SET").arg(&name).arg(cut).query(&mut connection).unwrap();
        let later = ask("api", Some(&key), &plan, take(3));
        let answers = play(&store, &[other.clone(), later, other]);
        assert!(answers[1].as_ref().unwrap_err().contains("cannot be read"), "{weight}: {answers:?}");
        assert!(is_granted(&answers[0]) && is_granted(&answers[2]), "{weight}: {answers:?}");
    }
}

/// How many slots the ring of a sliding window's record has.
fn slots_of(record: &[u8]) -> usize {
    (record.len() - 91) / 8
}

#[test]
fn a_server_that_may_not_write_says_so() {
    let Some(server) = RedisServer::start() else { return };
    let store = connect(&server);
    let plan = hourly(30);
    let one = || play_one(&store, &ask("api", None, &plan, take(1)));
    assert!(is_granted(&one()));
    server.run::<String>("CONFIG SET maxmemory 1");
    let why = one().unwrap_err();
    assert!(why.contains("OOM"), "{why}");
    server.run::<String>("CONFIG SET maxmemory 0");
    assert!(is_granted(&one()));
    server.run::<String>("REPLICAOF 127.0.0.1 1");
    let why = one().unwrap_err();
    assert!(why.contains("READONLY"), "{why}");
    server.run::<String>("REPLICAOF NO ONE");
    assert!(is_granted(&one()));
    let key = "rl:v1:{default:api}";
    assert_eq!(server.run::<i64>(&format!("EXISTS {key}")), 1);
}

#[test]
fn a_server_that_is_not_there_costs_no_more_than_is_given() {
    in_real_time(|| {
        let Some(mut server) = RedisServer::start() else { return };
        let store = connect(&server);
        let plan = hourly(1000);
        let within = |millis| {
            let begin = Instant::now();
            let mut answers = store.play(&[ask("api", None, &plan, take(1))], Duration::from_millis(millis));
            let answer = answers.pop().unwrap().map_err(|why| why.to_string());
            (answer.map(|Answer(said)| said), begin.elapsed())
        };
        assert!(is_granted(&within(5000).0));
        server.signal("STOP");
        let (answer, took) = within(250);
        assert_eq!(
            answer.unwrap_err(),
            format!("redis at 127.0.0.1:{}: the server did not answer within 250ms", server.port())
        );
        assert!((Duration::from_millis(200)..Duration::from_secs(2)).contains(&took), "{took:?}");
        // A connection that is not made either.
        let (answer, took) = within(250);
        assert!(answer.is_err() && took < Duration::from_secs(2), "{took:?}");
        server.signal("CONT");
        assert!(is_granted(&within(5000).0));
        // What was lost on its way was not sent again: at most it was played once it could be.
        let Ok(Said::Outlook(seen)) = play_one(&store, &ask("api", None, &plan, Verb::Peek { weight: 1 }))
        else {
            panic!()
        };
        assert!((2..=4).contains(&seen[0].rates[0].used), "{seen:?}");
        server.kill();
        let (answer, _) = within(250);
        assert!(answer.unwrap_err().contains("the connection was lost"));
        let (answer, _) = within(250);
        assert!(answer.unwrap_err().contains("refused"));
        server.restart();
        assert!(is_granted(&within(5000).0));
    });
}

#[test]
fn a_store_is_one_server_and_one_namespace() {
    assert!(RedisStore::cluster(Vec::<&str>::new()).unwrap_err().to_string().contains("at least"));
    // Nobody is there, and nobody is asked yet.
    let store = RedisStore::connect("redis://user:secret@127.0.0.1:1/3").unwrap();
    assert!(!format!("{store:?}").contains("secret"));
    let other = store.clone().namespace("other");
    assert_eq!(store.identity(), store.clone().identity());
    assert_ne!(store.identity(), other.identity());
}
