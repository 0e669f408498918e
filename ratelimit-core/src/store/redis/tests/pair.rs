//! A store of the policies alone beside the server's, at a time that both are told.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use super::*;
use crate::policy::saved::state_bytes;
use crate::rate::Shape;
use crate::store::Written;
use crate::store::record::BEFORE_STATES;
use crate::store::redis::play::Player;
use crate::store::redis::script::Scripts;

/// The scripts with a time that they are told behind their arguments, and which write nothing that ends by itself, but
/// until when it is to be kept beside it.
pub(super) static TIMED: LazyLock<Scripts> = LazyLock::new(|| Scripts::new(timed));

fn timed(text: &str) -> String {
    let mut text = text.replace("redis.call('TIME')", "{ '0', ARGV[#ARGV] }");
    for key in ["k_key", "t_key"] {
        for (from, to) in [
            (format!("'SET', {key}, text, 'PXAT', ends"), format!("'MSET', {key}, text, {key} .. '#', ends")),
            (format!("'SET', {key}, text, 'KEEPTTL'"), format!("'SET', {key}, text")),
            (format!("'PEXPIREAT', {key}, ends"), format!("'SET', {key} .. '#', ends")),
        ] {
            text = text.replace(&from, &to);
        }
    }
    let set = "'SET', KEYS[index], record, 'PXAT', ARGV[3 * index]";
    let text = text.replace(set, "'MSET', KEYS[index], record, KEYS[index] .. '#', ARGV[3 * index]");
    assert!(
        !["'PX", "EXPIRE", "TIME", "TTL"].iter().any(|word| text.replace("time", "").contains(word)),
        "{text}"
    );
    text
}

/// Adds the time to each command, and counts them.
#[derive(Debug)]
struct Timed {
    server: Server,
    now: AtomicU64,
    reads: AtomicU64,
}

impl Transport for Timed {
    fn send(&self, commands: &[Command], timeout: Duration) -> Vec<Result<Reply, Failure>> {
        let now = self.now.load(Ordering::Relaxed).to_string();
        let commands: Vec<_> = commands.iter().map(|command| command.clone().and(now.as_bytes())).collect();
        let reads = commands
            .iter()
            .filter(|command| command.args().nth(1) == Some(TIMED.read.hash.as_bytes()))
            .count();
        self.reads.fetch_add(reads as u64, Ordering::Relaxed);
        self.server.send(&commands, timeout)
    }
}

/// A store of the policies alone, and the server's, which have to agree.
pub(super) struct Pair {
    timed: Timed,
    connection: ::redis::Connection,
    pub(super) states: BTreeMap<String, Vec<u8>>,
    /// Of all that was asked since the schedule began.
    pub(super) plans: Vec<Arc<Plan>>,
    /// How many records were compared, and how many of these are the same with their rings as they are.
    pub(super) compared: [u64; 2],
    /// Of all asks, those that were acquires, and those that were the script's to judge.
    pub(super) counts: [u64; 3],
}

pub(super) const MINUTE: Duration = Duration::from_secs(60);

impl Pair {
    pub(super) fn new(server: &RedisServer) -> Self {
        let timed = Timed {
            server: Server::new(info(&server.url()).unwrap()),
            now: AtomicU64::new(0),
            reads: AtomicU64::new(0),
        };
        Pair {
            timed,
            connection: server.connection(),
            states: BTreeMap::new(),
            plans: Vec::new(),
            compared: [0; 2],
            counts: [0; 3],
        }
    }

    /// Plays `asks` at `now` on both.
    pub(super) fn play(&mut self, now: u64, asks: &[Ask], seed: u64) -> Vec<Result<Answer, String>> {
        self.timed.now.store(now, Ordering::Relaxed);
        let reads = self.timed.reads.load(Ordering::Relaxed);
        let answers = Player::new(&self.timed, &TIMED, "", MINUTE).play(asks);
        let answers: Vec<_> =
            answers.into_iter().map(|answer| answer.map_err(|why| why.to_string())).collect();
        let mut written: BTreeMap<String, Option<u128>> = BTreeMap::new();
        for (ask, answer) in asks.iter().zip(&answers) {
            for part in &ask.parts {
                if !self.plans.iter().any(|plan| Arc::ptr_eq(plan, &part.plan)) {
                    self.plans.push(Arc::clone(&part.plan));
                }
            }
            let names: Vec<String> = ask.entries().map(key_of).collect();
            let states: Vec<_> = names.iter().map(|name| self.states.get(name).map(Vec::as_slice)).collect();
            let expected = ask.judge(Duration::from_micros(now), &states).map_err(|why| why.to_string());
            let (expected, writes) = match expected {
                Ok(judged) => {
                    let writes = judged.writes().map(Option::<&Written>::cloned).collect();
                    (Ok(judged.into_answer()), writes)
                }
                Err(why) => (Err(why), vec![None; names.len()]),
            };
            assert_eq!(*answer, expected, "seed {seed} at {now}: {ask:?} on {states:?}");
            for (name, write) in names.into_iter().zip(writes) {
                if let Some(write) = write {
                    let ends = u128::from(now) + write.keep_for().as_micros();
                    written.insert(name.clone(), Some(ends.div_ceil(1000)));
                    self.states.insert(name, write.state().to_vec());
                } else {
                    written.entry(name).or_insert(None);
                }
            }
            let is_acquire = matches!(&ask.verb, Verb::Acquire(acquire) if acquire.weight > 0);
            self.counts[0] += 1;
            self.counts[1] += u64::from(is_acquire);
        }
        self.compare(&written, seed);
        self.counts[2] += self.timed.reads.load(Ordering::Relaxed) - reads;
        answers
    }

    /// The bytes of a record but for where its rings begin and how long they are, which is left to who writes: first all
    /// that comes before the rings, then of each ring the slots that are used.
    fn unturned(&self, record: &[u8]) -> Vec<Vec<u8>> {
        let plan = self.plans.iter().find(|plan| record.starts_with(&plan.head)).expect("known limits");
        let number = |at: usize| u32::from_le_bytes(record[at..at + 4].try_into().unwrap()) as usize;
        let states = plan.counted.iter().scan(plan.head.len() + BEFORE_STATES, |at, guarded| {
            let begin = *at;
            *at += state_bytes(guarded.rate);
            Some((begin, *at, guarded.rate.shape()))
        });
        let states: Vec<_> = states.collect();
        let end = states.last().map_or(plan.head.len() + BEFORE_STATES, |(_, end, _)| *end);
        let (mut before, mut rest, mut rings) = (record[..end].to_vec(), &record[end..], Vec::new());
        for (_, end, shape) in states {
            if shape == Shape::Sliding {
                let (slots, first, used) = (number(end - 12), number(end - 8), number(end - 4));
                let (ring, others) = rest.split_at(8 * slots);
                rest = others;
                let slot = |index: usize| &ring[8 * ((first + index) % slots)..][..8];
                rings.push((0..used).flat_map(slot).copied().collect());
                before[end - 12..end - 4].fill(0);
            }
        }
        assert!(rest.is_empty(), "nothing is behind the rings");
        rings.insert(0, before);
        rings
    }

    /// What the server has under that name.
    pub(super) fn record(&mut self, key: &str) -> Option<Vec<u8>> {
        ::redis::cmd("GET").arg(key).query(&mut self.connection).unwrap()
    }

    fn compare(&mut self, written: &BTreeMap<String, Option<u128>>, seed: u64) {
        let mut command = ::redis::cmd("MGET");
        for key in written.keys() {
            command.arg(key).arg(format!("{key}#"));
        }
        let found: Vec<Option<Vec<u8>>> = command.query(&mut self.connection).unwrap();
        for ((key, ends), found) in written.iter().zip(found.chunks(2)) {
            let by_script = found[0].as_deref().map(|bytes| self.unturned(bytes));
            let by_policies = self.states.get(key).map(|state| self.unturned(state));
            assert_eq!(by_script, by_policies, "seed {seed}: {key}");
            self.compared[0] += 1;
            self.compared[1] += u64::from(found[0].as_ref() == self.states.get(key));
            if let Some(ends) = ends {
                assert_eq!(
                    found[1],
                    Some(ends.to_string().into_bytes()),
                    "seed {seed}: {key} is kept until then"
                );
            }
        }
    }
}

pub(super) fn key_of(entry: &Entry) -> String {
    format!("{}}}{}", entry.bucket(), entry.to_string().strip_prefix(entry.bucket()).unwrap())
}
