//! Many processes that call as fast as they can, on one SQLite file: what each of them gets of it, and how long it waits.

#![expect(clippy::disallowed_methods, reason = "it is real time that is measured")]

use std::env;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use rate_limited::Bucket;
use rate_limited::store::SqliteStore;

use super::ALWAYS;
use crate::measure::{Failure, Measured, Spread};
use crate::report::folder;
use crate::rows::{LONGEST_WAIT, SHARES};

const PROCESSES: usize = 8;
const SPAN: Duration = Duration::from_secs(5);
/// More than anybody may wait: what is measured is not to be cut off.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) fn run() -> Result<Vec<Measured>, Failure> {
    std::fs::create_dir_all(folder())?;
    let files = tempfile::tempdir_in(folder())?;
    let file = files.path().join("shared.db");
    let mut workers = (0..PROCESSES).map(|_| Worker::start(&file)).collect::<Result<Vec<_>, _>>()?;
    for worker in &mut workers {
        worker.expect_ready()?;
    }
    for worker in &mut workers {
        worker.go()?;
    }
    let ended = workers.iter_mut().map(Worker::ended).collect::<Result<Vec<_>, _>>()?;
    let (calls, waits): (Vec<f64>, Vec<f64>) = ended.into_iter().unzip();
    let most = calls.iter().copied().fold(f64::NAN, f64::max);
    let least = calls.iter().copied().fold(f64::NAN, f64::min);
    let longest = waits.into_iter().fold(f64::NAN, f64::max);
    let shares = Measured { peer: Some(Spread::flat(least)), ..Measured::alone(SHARES, "calls", most) };
    Ok(vec![shares, Measured::alone(LONGEST_WAIT, "ms", longest)])
}

/// One of the processes, which is killed with its handle.
struct Worker {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Worker {
    fn start(file: &Path) -> Result<Self, Failure> {
        let mut command = Command::new(env::current_exe()?);
        command.arg("--one-of-many").arg(file).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn()?;
        match (child.stdin.take(), child.stdout.take()) {
            (Some(input), Some(output)) => Ok(Worker { child, input, output: BufReader::new(output) }),
            _ => Err("a process has no pipes".into()),
        }
    }

    fn line(&mut self) -> Result<String, Failure> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        if line.is_empty() { Err("one of the processes failed".into()) } else { Ok(line) }
    }

    /// All are to begin when all are up.
    fn expect_ready(&mut self) -> Result<(), Failure> {
        self.line().map(drop)
    }

    fn go(&mut self) -> Result<(), Failure> {
        Ok(writeln!(self.input)?)
    }

    /// Its calls, and its longest wait in milliseconds.
    fn ended(&mut self) -> Result<(f64, f64), Failure> {
        let line = self.line()?;
        let (calls, longest) = line.trim().split_once(' ').ok_or("a process told no two numbers")?;
        Ok((calls.parse()?, longest.parse()?))
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // It has ended already, or does now.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a process does that [`run`] started.
pub(crate) fn print_one_of_many(file: &OsStr) -> Result<(), Failure> {
    let store = SqliteStore::open(file)?.timeout(PATIENCE);
    let bucket = Bucket::named("many", ALWAYS).max_delay(PATIENCE).store(store);
    drop(bucket.acquire()?);
    println!("ready");
    std::io::stdin().read_line(&mut String::new())?;
    let (mut calls, mut longest) = (0_u64, Duration::ZERO);
    let begun = Instant::now();
    let mut before = begun;
    while before - begun < SPAN {
        drop(bucket.acquire()?);
        let now = Instant::now();
        longest = longest.max(now - before);
        before = now;
        calls += 1;
    }
    println!("{calls} {}", longest.as_secs_f64() * 1e3);
    Ok(())
}
