//! What an acquire takes beside a `PING`, and a record of memory: printed, as machines differ.

use std::time::Instant;

use super::*;
use crate::rate::Rate;
use crate::store::record::Record;

const ROUNDS: usize = 30;
const CALLS: usize = 500;

fn guarded(rate: Rate) -> Guarded {
    Guarded { rate, guard: 0 }
}

fn acquire(weight: u32) -> Verb {
    Verb::Acquire(Acquire { weight, after: 0, slack: 0, allowance: 0, reserves: false })
}

/// The median of many calls' times, in nanoseconds.
fn median(times: &mut [u128]) -> u128 {
    times.sort_unstable();
    times[times.len() / 2]
}

fn timed(calls: usize, mut call: impl FnMut(), times: &mut Vec<u128>) {
    for _ in 0..calls {
        let begin = Instant::now();
        call();
        times.push(begin.elapsed().as_nanos());
    }
}

#[test]
#[ignore = "it prints figures, by real time"]
fn figures() {
    let Some(server) = RedisServer::start() else { return };
    let store = RedisStore::connect(&server.url()).unwrap();
    let mut connection = server.connection();
    let one = |name: &str, rates: &[Rate]| {
        let name = name.replace(' ', "-");
        let rates: Vec<_> = rates.iter().copied().map(guarded).collect();
        Ask::of(vec![part(&name, None, &plan(&rates))], acquire(1))
    };
    let play = |ask: &Ask| match store.play(std::slice::from_ref(ask), Duration::from_secs(5)).pop().unwrap()
    {
        Ok(Answer(said)) => said,
        Err(failure) => panic!("{failure}"),
    };
    let minute = Rate::per_minute(2000);
    let rows: [(&str, &[Rate], u64); 9] = [
        ("token bucket", &[Rate::per_second(1_000_000).burst(1_000_000)], 0),
        ("token bucket, refused", &[Rate::per_hour(1).burst(1)], 0),
        ("fixed window", &[Rate::per_day(1_000_000_000).fixed()], 0),
        ("sliding, 1,000 starts", &[minute], 1000),
        ("sliding, full of 1,000, one forgotten a call", &[Rate::new(1000, Duration::from_secs(29))], 1000),
        ("sliding, full of 1,000, refused", &[Rate::per_minute(1000)], 1000),
        (
            "three token buckets",
            &[
                Rate::per_second(1_000_000).burst(1_000_000),
                Rate::per_minute(100_000_000).burst(1_000_000),
                Rate::per_hour(1_000_000_000).burst(1_000_000),
            ],
            0,
        ),
        (
            "three sliding, 1,000 starts in the longest",
            &[Rate::per_second(2000), Rate::new(2000, Duration::from_secs(6)), minute],
            1000,
        ),
        ("three sliding, 1,000 starts in each", &[minute, Rate::per_hour(2000), Rate::per_day(2000)], 1000),
    ];
    let rows = rows.map(|(name, rates, starts)| (name, one(name, rates), starts));
    // Of the medians of all rounds the least: what is beside it is what else the machine did.
    let mut ping = u128::MAX;
    let mut least = vec![(u128::MAX, u128::MAX); rows.len()];
    for _ in 0..ROUNDS {
        let mut times = Vec::new();
        timed(CALLS, || _ = ::redis::cmd("PING").query::<String>(&mut connection).unwrap(), &mut times);
        ping = ping.min(median(&mut times));
        for ((_, ask, starts), (least, served)) in rows.iter().zip(&mut least) {
            let (mut times, calls) = (Vec::new(), if *starts > 0 { 25 } else { CALLS });
            for _ in 0..CALLS / calls {
                fill(ask, *starts, &mut connection);
                let _: String = server.run("CONFIG RESETSTAT");
                timed(calls, || _ = play(ask), &mut times);
                *served = (*served).min(nanos_served(&server));
            }
            *least = (*least).min(median(&mut times));
        }
    }
    for (ask, starts) in rows
        .iter()
        .filter(|(name, ..)| ["token bucket", "sliding, 1,000 starts"].contains(name))
        .map(|row| (&row.1, row.2))
    {
        fill(ask, starts, &mut connection);
        let used: u64 = server.run(&format!("MEMORY USAGE {}", key(ask)));
        println!("memory of {}: {used} bytes", key(ask));
    }
    println!("PING {ping} ns");
    for ((name, _, _), (least, served)) in rows.iter().zip(least) {
        println!("{name}: {} ns beyond it, of it the script {served}", least.saturating_sub(ping));
    }
}

fn key(ask: &Ask) -> String {
    format!("rl:v1:{{default:{}}}", ask.parts[0].entry.bucket())
}

/// Puts a record of so many starts of the last half minute under the key.
fn fill(ask: &Ask, starts: u64, connection: &mut ::redis::Connection) {
    if starts == 0 {
        return;
    }
    let (seconds, micros): (u64, u64) = ::redis::cmd("TIME").query(connection).unwrap();
    let now = seconds * 1_000_000 + micros;
    // Of the oldest, half a minute old, one after the other is forgotten by the calls that follow.
    let at =
        |start| if start < 200 { now - 29_999_000 + 20 * start } else { now - 28_000_000 + 20_000 * start };
    let mut record = Record::fresh(&ask.parts[0].plan);
    for start in 0..starts {
        record.commit((at(start), at(start)), 1);
    }
    record.written = now;
    let (bytes, _) = record.write(now).unwrap();
    let _: String =
        ::redis::cmd("SET").arg(key(ask)).arg(bytes).arg("PX").arg(600_000).query(connection).unwrap();
}

/// What a script took on the average since the statistics were reset.
fn nanos_served(server: &RedisServer) -> u128 {
    let stats: String = server.run("INFO commandstats");
    let line = stats.lines().find(|line| line.starts_with("cmdstat_evalsha")).unwrap();
    let micros = line.split("usec_per_call=").nth(1).unwrap().split(',').next().unwrap();
    let (whole, hundredths) = micros.split_once('.').unwrap();
    1000 * whole.parse::<u128>().unwrap() + 10 * hundredths.parse::<u128>().unwrap()
}
