//! Any bytes are a state in a store: they are judged or refused, and what is written is read as it was written.
//!
//! The first byte is which ask, the second how much later than the sample's own starts it is made. One of eight is also the
//! row of an SQLite file, which is judged as the state is, and is damaged where one bit of it is another.
#![no_main]

use std::cell::LazyCell;
use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::Duration;

use libfuzzer_sys::{Corpus, fuzz_target};
use ratelimit_core::clock::{ManualClock, Timestamp};
use ratelimit_core::store::conformance::{judges, samples};
use ratelimit_core::store::{Ask, SqliteStore, Store};
use rusqlite::{Connection, params};

static SAMPLES: LazyLock<Vec<(Ask, Ask)>> = LazyLock::new(samples);

thread_local! {
    static FILE: LazyCell<File> = LazyCell::new(File::new);
}

fuzz_target!(|bytes: &[u8]| -> Corpus {
    let Some(([which, later], state)) = bytes.split_first_chunk() else { return Corpus::Reject };
    let sample = &SAMPLES[usize::from(*which) % SAMPLES.len()];
    // From a millisecond before to a day after.
    let micros = 1_000_000_000_000_000 - 1_000 + (u64::from(*later) * u64::from(*later)).pow(2) * 20;
    let now = Duration::from_micros(micros);
    if later % 8 == 7 {
        FILE.with(|file| file.play(&sample.0, now, state));
    }
    let _ = judges(sample, now, state);
    Corpus::Keep
});

/// A store's file, and a way to it past the store.
struct File {
    clock: ManualClock,
    store: SqliteStore,
    raw: Connection,
}

impl File {
    fn new() -> Self {
        let path: PathBuf = std::env::temp_dir().join(format!("rate-limited-fuzz-{}.db", std::process::id()));
        let clock = ManualClock::new();
        let store = SqliteStore::open_at(&path, clock.clone()).expect("a store");
        let raw = Connection::open(&path).expect("a connection");
        raw.pragma_update(None, "synchronous", "OFF").expect("a setting");
        File { clock, store, raw }
    }

    fn play(&self, ask: &Ask, now: Duration, state: &[u8]) {
        self.clock.set(Timestamp::ZERO.saturating_add(now));
        let name = ask.entries().next().expect("an entry").to_string();
        let until = i64::MAX;
        let sum = SqliteStore::sum_of_row(&name, until, state);
        let bit = 1 << state.iter().fold(0_u8, |bit, byte| bit.wrapping_add(*byte)) % 64;
        for (sum, is_whole) in [(sum ^ bit, false), (sum, true)] {
            self.raw.execute_batch("DELETE FROM entries").expect("an empty table");
            let insert = "INSERT INTO entries (name, until, sum, state) VALUES (?1, ?2, ?3, ?4)";
            let mut insert = self.raw.prepare_cached(insert).expect("a statement");
            insert.execute(params![name, until, sum, state]).expect("a row");
            let judged = ask.judge(now, &[Some(state)]);
            let played = self.store.play(std::slice::from_ref(ask), Duration::from_secs(10)).remove(0);
            match (played, judged) {
                (Err(failure), _) if !is_whole => assert!(failure.to_string().ends_with("is damaged")),
                (Err(failure), Err(judged)) => assert_eq!(failure.to_string(), judged.to_string()),
                (Ok(played), Ok(judged)) if is_whole => {
                    let written = judged.writes().next().flatten().map(|written| written.state().to_vec());
                    let select = "SELECT state FROM entries WHERE name = ?1";
                    let mut select = self.raw.prepare_cached(select).expect("a statement");
                    let stands: Vec<u8> = select.query_row([&name], |row| row.get(0)).expect("a row");
                    assert_eq!(stands, written.as_deref().unwrap_or(state));
                    assert_eq!(played, judged.into_answer());
                }
                other => panic!("{other:?}"),
            }
        }
    }
}
