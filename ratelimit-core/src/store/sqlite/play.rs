//! One trip: asks played in one transaction.

use std::hash::Hasher;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, params};
use siphasher::sip::SipHasher13;

use super::trouble::Trouble;
use super::{busy, schema};
use crate::store::ask::Verb;
use crate::store::{Answer, Ask, Failure, Written};

/// So many entries are looked at in one go for what need not be kept.
const SWEEP: u64 = 64;

/// Plays `asks` at the time that `clock` tells once nobody else writes.
///
/// # Errors
///
/// Nothing is written then, as far as anybody knows, once the connection is closed.
pub(super) fn play(
    connection: &Connection,
    asks: &[Ask],
    clock: impl FnOnce() -> Duration,
) -> Result<Vec<Result<Answer, Failure>>, Trouble> {
    let only_reads = asks.iter().all(|ask| matches!(ask.verb, Verb::Peek { .. }));
    // Who has read cannot become one who writes when somebody else has written since.
    run(connection, if only_reads { "BEGIN" } else { "BEGIN IMMEDIATE" })?;
    if only_reads {
        // What is there at that time, and not before the first state is read.
        schema::confirm(connection)?;
    }
    let now = clock();
    let mut written = 0;
    let mut answers = Vec::with_capacity(asks.len());
    for ask in asks {
        answers.push(play_one(connection, ask, now, &mut written)?);
    }
    sweep(connection, micros(now), written)?;
    run(connection, "COMMIT")?;
    Ok(answers)
}

fn run(connection: &Connection, sql: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(sql)?.execute([]).map(drop)
}

/// Plays one; the outer error is that of the whole transaction. Counts what is written.
fn play_one(
    connection: &Connection,
    ask: &Ask,
    now: Duration,
    written: &mut u64,
) -> rusqlite::Result<Result<Answer, Failure>> {
    let mut rows = Vec::with_capacity(ask.parts.len());
    for entry in ask.all_entries() {
        let name = entry.name();
        let row = Row::read(connection, &name)?;
        rows.push((name, row));
    }
    if rows.iter().any(|(name, row)| row.as_ref().is_some_and(|row| !row.is_whole(name))) {
        return Ok(Err(Failure::of_state("a state in the store is damaged")));
    }
    let kept = |row: &Row| row.until > micros(now);
    let states: Vec<Option<&[u8]>> =
        rows.iter().map(|(_, row)| row.as_ref().filter(|row| kept(row)).map(|row| &*row.state)).collect();
    let judged = match ask.judge(now, &states) {
        Ok(judged) => judged,
        Err(failure) => return Ok(Err(failure)),
    };
    for ((name, row), write) in rows.iter().zip(judged.writes()) {
        if let Some(write) = write {
            Row::write(connection, name, row.is_some(), now, write)?;
            *written += 1;
        }
    }
    Ok(Ok(judged.into_answer()))
}

/// An entry's row.
struct Row {
    until: i64,
    sum: i64,
    state: Vec<u8>,
}

impl Row {
    fn read(connection: &Connection, name: &str) -> rusqlite::Result<Option<Self>> {
        let mut statement =
            connection.prepare_cached("SELECT until, sum, state FROM entries WHERE name = ?1")?;
        let row = statement
            .query_row([name], |row| Ok(Row { until: row.get(0)?, sum: row.get(1)?, state: row.get(2)? }));
        row.optional()
    }

    fn is_whole(&self, name: &str) -> bool {
        self.sum == sum(name, self.until, &self.state)
    }

    fn write(
        connection: &Connection,
        name: &str,
        is_there: bool,
        now: Duration,
        write: &Written,
    ) -> rusqlite::Result<()> {
        let sql = if is_there {
            "UPDATE entries SET until = ?2, sum = ?3, state = ?4 WHERE name = ?1"
        } else {
            "INSERT INTO entries (name, until, sum, state) VALUES (?1, ?2, ?3, ?4)"
        };
        let until = micros(now.saturating_add(write.keep_for()));
        let sum = sum(name, until, write.state());
        connection.prepare_cached(sql)?.execute(params![name, until, sum, write.state()]).map(drop)
    }
}

/// Of a row, by a hash that is the same in every program, version and machine.
pub(super) fn sum(name: &str, until: i64, state: &[u8]) -> i64 {
    let mut hasher = SipHasher13::new();
    hasher.write(name.as_bytes());
    hasher.write(&until.to_le_bytes());
    hasher.write(state);
    hasher.finish().cast_signed()
}

fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}

/// Deletes entries that need not be kept any more: of the next ones in order of their names, from where it was last looked
/// up to, whoever did. Only of those that look over the state is read, and it is read once.
///
/// Twice as many are looked at as were written, so that what is kept in vain is never much more than what is kept; on the
/// average, as most trips write one, and by chance, as a process may live for one trip. An index over the time would cost
/// every trip as much as writing does.
fn sweep(connection: &Connection, now: i64, written: u64) -> rusqlite::Result<()> {
    let count = if written == 0 { 0 } else { (2 * written + busy::below(SWEEP)) / SWEEP * SWEEP };
    if count == 0 {
        return Ok(());
    }
    let after: String =
        connection.prepare_cached("SELECT name FROM swept")?.query_row([], |row| row.get(0))?;
    // Without a `LIMIT`: SQLite would plan anew for each number that is bound to it.
    let mut select =
        connection.prepare_cached("SELECT name, until FROM entries WHERE name > ?1 ORDER BY name")?;
    let mut rows = select.query([&after])?;
    let (mut last, mut over) = (String::new(), Vec::new());
    for _ in 0..count {
        let Some(row) = rows.next()? else {
            // The next one begins anew.
            last.clear();
            break;
        };
        let name = row.get_ref(0)?.as_str()?;
        if row.get::<_, i64>(1)? <= now {
            over.push(name.to_owned());
        }
        last.clear();
        last.push_str(name);
    }
    drop(rows);
    for name in over {
        // What only looks over, as it is damaged, is an error for whoever asks for it: deleted it would be a fresh limit.
        if Row::read(connection, &name)?.is_some_and(|row| row.is_whole(&name)) {
            connection.prepare_cached("DELETE FROM entries WHERE name = ?1")?.execute([name])?;
        }
    }
    if last != after {
        connection.prepare_cached("UPDATE swept SET name = ?1")?.execute([last])?;
    }
    Ok(())
}
