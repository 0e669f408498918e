//! What stands in a file as programs that run now keep it: a change of it is a change of the format, which wants another
//! step.

use super::*;
use crate::time::Timestamp;

const GOLDEN: &str = include_str!("rows.sql");

/// The ninth of September 2001.
const NOW: Duration = Duration::from_secs(1_000_000_000);

/// Who has called how often, by which rates of its own and of all together.
fn calls() -> Vec<(Ask, Ask, u32)> {
    let call = |bucket, key, rate: Rate, totals: &[Rate], times| {
        let acquire = Ask::to_acquire((bucket, key), &[rate], totals, 1);
        (acquire, Ask::to_peek((bucket, key), &[rate], totals), times)
    };
    vec![
        call("api", None, Rate::per_hour(9), &[], 2),
        call("api", Some("ann"), Rate::per_second(3).burst(5), &[Rate::per_day(7)], 3),
        call("api", Some("bob's: 1/2 ö"), Rate::per_minute(4).fixed(), &[Rate::per_day(7)], 1),
        call("a:b/c", Some(""), Rate::per_day(2), &[], 1),
    ]
}

fn store(place: &Place) -> SqliteStore {
    let clock = ManualClock::new();
    clock.set(Timestamp::ZERO.saturating_add(NOW));
    SqliteStore::open_at(&place.0, clock).unwrap()
}

/// All that the file tells, as SQL that makes the same.
fn told(place: &Place) -> String {
    let raw = place.raw();
    let lines = |sql: &str| -> Vec<String> {
        raw.prepare(sql).unwrap().query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    let mut all = Vec::new();
    for name in ["application_id", "user_version"] {
        let value: i64 = raw.pragma_query_value(None, name, |row| row.get(0)).unwrap();
        all.push(format!("PRAGMA {name} = {value}"));
    }
    all.extend(lines("SELECT sql FROM sqlite_schema ORDER BY name"));
    all.extend(lines(
        "SELECT format('INSERT INTO entries VALUES (%Q, %d, %d, %s)', name, until, sum, quote(state)) \
         FROM entries ORDER BY name",
    ));
    all.extend(lines("SELECT format('INSERT INTO swept VALUES (%d, %Q)', one, name) FROM swept"));
    all.into_iter().map(|line| line + ";\n").collect()
}

/// The golden file without what explains it.
fn golden() -> String {
    GOLDEN.split_inclusive('\n').filter(|line| !line.starts_with("--")).collect()
}

#[test]
fn files_are_written_so() {
    let place = Place::new();
    let store = store(&place);
    for (acquire, _, times) in calls() {
        for _ in 0..times {
            assert!(play_one(&store, &acquire).unwrap().is_granted());
        }
    }
    let told = told(&place);
    println!("{told}");
    assert_eq!(told, golden());
}

#[test]
fn files_that_were_written_so_are_read() {
    let place = Place::new();
    place.raw().execute_batch(GOLDEN).unwrap();
    let store = store(&place);
    let remaining = |look: &Ask| play_one(&store, look).unwrap().remaining();
    let looked: Vec<Option<u32>> = calls().iter().map(|(_, look, _)| remaining(look)).collect();
    assert_eq!(looked, [Some(7), Some(2), Some(3), Some(1)]);
    assert_eq!(told(&place), golden(), "looks change nothing");
    // Of all together four have started, and three more may.
    let total = |key: &str| Ask::to_acquire(("api", Some(key)), &[Rate::per_day(7)], &[Rate::per_day(7)], 1);
    let granted = (0..4).filter(|key| play_one(&store, &total(&format!("{key}"))).unwrap().is_granted());
    assert_eq!(granted.count(), 3);
}

#[test]
fn what_is_not_so_is_damaged() {
    let (acquire, look, _) = calls().remove(0);
    for (column, damaged) in [
        ("until", "until + 1"),
        ("sum", "~sum"),
        ("state", "CAST(state || x'00' AS BLOB)"),
        ("name", "'api:x'"),
    ] {
        let place = Place::new();
        place.raw().execute_batch(GOLDEN).unwrap();
        let raw = place.raw();
        raw.execute(&format!("UPDATE entries SET {column} = {damaged} WHERE name = 'api'"), []).unwrap();
        let of_other = Ask::to_peek(("api", Some("x")), &[Rate::per_hour(9)], &[]);
        let look = if column == "name" { &of_other } else { &look };
        let failure = play_one(&store(&place), look).unwrap_err().to_string();
        assert_eq!(failure, "a state in the store is damaged", "{column}");
        if column != "name" {
            assert!(play_one(&store(&place), &acquire).is_err(), "{column}");
        }
    }
}
