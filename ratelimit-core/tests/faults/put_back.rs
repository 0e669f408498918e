//! What a Redis server has forgotten is put back, by each process what it has started itself: what starts meanwhile, to the
//! last one.

use std::collections::BTreeSet;
use std::time::Duration;

use ratelimit_core::store::RedisStore;
use ratelimit_core::{Bucket, ErrorKind, Rate, RateOutlook};

use crate::common::Dice;
use crate::redis_server::RedisServer;

/// Of each key, and of all together.
const AMOUNT: u32 = 12;
const TOTAL: u32 = 20;
const KEYS: [&str; 2] = ["ann", "bob"];
/// Where all keys are counted together.
const ALL: usize = KEYS.len();
const PROCESSES: usize = 4;
const SCHEDULES: u64 = 25;
const STEPS: u64 = 90;

/// So long that nothing is over before a test is.
fn limits() -> [[Rate; 2]; 3] {
    let hourly = |of: fn(u32) -> Rate| [AMOUNT, TOTAL].map(of);
    [
        hourly(Rate::per_hour),
        hourly(|amount| Rate::per_day(1).burst(amount)),
        hourly(|amount| Rate::per_hour(amount).fixed()),
    ]
}

/// The processes of one bucket, and what is expected of them.
struct World<'a> {
    server: &'a RedisServer,
    processes: Vec<Bucket>,
    /// What each has started, by entry.
    own: [[u32; 3]; PROCESSES],
    /// What the server knows of.
    known: [u32; 3],
    /// Who has put back what it has started, of which entry.
    told: BTreeSet<(usize, usize)>,
    losses: u32,
}

impl<'a> World<'a> {
    fn new(server: &'a RedisServer, name: &str, [of_key, of_all]: [Rate; 2]) -> Self {
        let open = |_| {
            let store = RedisStore::connect(&server.url()).expect("a URL").timeout(Duration::from_secs(5));
            Bucket::named(name.to_owned(), of_key).total(of_all).guard(Duration::ZERO).store(store)
        };
        let processes = (0..PROCESSES).map(open).collect();
        World { server, processes, own: Default::default(), known: [0; 3], told: BTreeSet::new(), losses: 0 }
    }

    fn loses_all(&mut self) {
        assert_eq!(self.server.run::<String>("FLUSHALL"), "OK");
        self.known = [0; 3];
        self.told.clear();
        self.losses += 1;
    }

    /// Whether a call starts: as it is expected to.
    fn calls(&mut self, process: usize, key: usize) -> bool {
        for entry in [key, ALL] {
            if self.told.insert((process, entry)) && self.losses > 0 {
                self.known[entry] += self.own[process][entry];
            }
        }
        let starts = self.known[key] < AMOUNT && self.known[ALL] < TOTAL;
        if starts {
            for entry in [key, ALL] {
                self.known[entry] += 1;
                self.own[process][entry] += 1;
            }
        }
        let called = self.processes[process].request().key(KEYS[key]).try_acquire();
        match &called {
            Err(error) => assert_eq!(error.kind(), ErrorKind::Limited, "{error}"),
            Ok(permit) => assert_eq!(permit.waited(), Duration::ZERO),
        }
        assert_eq!(called.is_ok(), starts, "{process} of {key}: {:?} and {:?}", self.own, self.known);
        starts
    }

    fn started(&self, entry: usize) -> u32 {
        self.own.iter().map(|own| own[entry]).sum()
    }

    /// With each loss one further amount, and no more.
    fn is_within_bounds(&self) {
        for (entry, amount) in [AMOUNT, AMOUNT, TOTAL].into_iter().enumerate() {
            let (started, most) = (self.started(entry), amount * (1 + self.losses));
            assert!(started <= most, "{started} of {most}: {:?}", self.own);
        }
    }
}

/// The worst that may be: one who has started nothing is the first to come, and everybody else comes when it is too late.
#[test]
fn one_further_amount_starts_where_a_stranger_is_first() {
    let Some(server) = RedisServer::start() else { return };
    for (index, limits) in limits().into_iter().enumerate() {
        let mut world = World::new(&server, &format!("stranger {index}"), limits);
        let starts = |world: &mut World<'_>, process| (0..TOTAL).filter(|_| world.calls(process, 0)).count();
        assert_eq!(starts(&mut world, 0), 12, "all that there is");
        for stranger in 1..PROCESSES {
            world.loses_all();
            assert_eq!(starts(&mut world, stranger), 12, "all of it once more");
            assert!((0..PROCESSES).all(|process| starts(&mut world, process) == 0));
            assert_eq!(world.started(0), AMOUNT * (1 + world.losses));
            world.is_within_bounds();
        }
    }
}

/// Who comes first puts back what is its own, and starts what is left: the more it remembers the less is too much.
#[test]
fn less_starts_the_more_is_remembered_by_who_comes_first() {
    let Some(server) = RedisServer::start() else { return };
    for (index, limits) in limits().into_iter().enumerate() {
        let mut world = World::new(&server, &format!("remembered {index}"), limits);
        for (process, times) in [5, 4, 2, 1].into_iter().enumerate() {
            assert!((0..times).all(|_| world.calls(process, 0)));
        }
        world.loses_all();
        for (process, further) in [(1, 8), (0, 0), (3, 0), (2, 0)] {
            let started = (0..TOTAL).filter(|_| world.calls(process, 0)).count();
            assert_eq!(started, further, "{process}");
        }
        // By now the server knows them all: 12, and 8 that were too much.
        assert_eq!((world.started(0), world.known[0]), (20, 20));
        let seen = world.processes[0].request().key("ann").peek().expect("a store that answers");
        assert_eq!(seen.rates().iter().map(RateOutlook::used).collect::<Vec<_>>(), [20, 20], "{seen:?}");
    }
}

/// Whoever calls, and whenever all is lost: each call starts or not as it does where each process puts back its own starts
/// of what it asks for, once, before anything is taken.
#[test]
fn each_call_comes_to_what_is_remembered() {
    let Some(server) = RedisServer::start() else { return };
    let mut further = 0;
    for seed in 0..SCHEDULES {
        for (index, limits) in limits().into_iter().enumerate() {
            let mut dice = Dice::new(seed);
            let mut world = World::new(&server, &format!("any {seed} {index}"), limits);
            for _ in 0..STEPS {
                if dice.one_in(20) && world.losses < 3 {
                    world.loses_all();
                }
                let pick =
                    |end: usize, dice: &mut Dice| usize::try_from(dice.below(end as u64)).expect("few");
                let (process, key) = (pick(PROCESSES, &mut dice), pick(KEYS.len(), &mut dice));
                world.calls(process, key);
            }
            world.is_within_bounds();
            further = further.max(world.started(ALL));
        }
    }
    assert!(further > TOTAL + AMOUNT, "{further}: losses are felt");
}
