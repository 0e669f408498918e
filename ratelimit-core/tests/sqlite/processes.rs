//! Eight processes of this program on one file.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use ratelimit_core::Rate;
use ratelimit_core::clock::{Clock, SystemClock};
use ratelimit_core::store::{Ask, Store};

use crate::machine::{in_real_time, must};
use crate::{Dir, amount, open, play, process, remaining, since, told};

const PROCESSES: u32 = 8;
const AMOUNT: u32 = 24_000;

/// A process that said it is ready, and waits for a line.
struct Ready(Child);

impl Ready {
    fn start(mut command: Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("a process");
        let output = child.stdout.as_mut().expect("its output");
        // Byte by byte, so that nothing of what follows is lost.
        let mut seen = Vec::new();
        while !seen.ends_with(b"ready\n") {
            let mut byte = [0];
            output.read_exact(&mut byte).expect("a process that is ready");
            seen.extend(byte);
        }
        Ready(child)
    }

    fn go(&mut self) {
        self.0.stdin.as_mut().expect("its input").write_all(b"\n").expect("a process that listens");
    }

    /// What it says in the end.
    fn line(mut self) -> Vec<u64> {
        let mut output = String::new();
        self.0.stdout.take().expect("its output").read_to_string(&mut output).expect("text");
        let line = output.lines().find(|line| line.starts_with("took"));
        assert!(self.0.wait().expect("its end").success());
        let line = line.expect("what it took");
        // Of a few turns somebody may get none.
        line.split_whitespace().skip(1).map(|number| number.parse().expect("a number")).collect()
    }
}

fn wait_for_all() {
    println!("ready");
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).expect("a line");
}

fn in_all(name: &str, path: &std::path::Path) -> Vec<Vec<u64>> {
    let mut all: Vec<Ready> = (0..PROCESSES).map(|_| Ready::start(process(name, path))).collect();
    all.iter_mut().for_each(Ready::go);
    all.into_iter().map(Ready::line).collect()
}

/// Together they take the amount to the last one, always; and in one round of some each gets its share, without long
/// waits: in any of them the machine may be busy with something else.
#[test]
#[expect(clippy::disallowed_methods, reason = "it waits for other tests")]
fn eight_processes_take_the_amount_in_like_shares() {
    in_real_time(|| {
        let mut seen = Vec::new();
        for round in 0..4 {
            // Other tests run beside this one, which take their share of the machine.
            thread::sleep(Duration::from_secs(2 * round));
            let dir = Dir::in_memory();
            drop(open(&dir.file()));
            let all = in_all("processes::takes_all_it_gets", &dir.file());
            let shares = || all.iter().map(|numbers| numbers[0]);
            must(shares().sum::<u64>() == u64::from(AMOUNT), || format!("{all:?}"));
            let left = remaining(&open(&dir.file()), "ann", amount(AMOUNT));
            must(left == 0, || format!("{left} are left"));
            let (least, most) = (shares().min().expect("one"), shares().max().expect("one"));
            let longest = all.iter().map(|numbers| numbers[1]).max().expect("one");
            println!("shares {least} to {most} of {AMOUNT}, longest wait {longest} us");
            seen.push((least, most, longest));
            if least * 2 >= most && longest < 500_000 {
                return;
            }
        }
        panic!("least, most, longest wait in microseconds: {seen:?}");
    });
}

#[test]
#[ignore = "runs in a process that another test starts"]
fn takes_all_it_gets() {
    let Some(path) = told() else { return };
    let store = open(&path);
    let ask = Ask::to_acquire(("api", Some("ann")), &[amount(AMOUNT)], &[], 1);
    wait_for_all();
    let (mut taken, mut longest) = (0_u64, Duration::ZERO);
    loop {
        let begin = SystemClock.now();
        let answer = play(&store, &ask).expect("an answer");
        longest = longest.max(since(begin));
        if !answer.is_granted() {
            break;
        }
        taken += 1;
    }
    println!("took {taken} {}", longest.as_micros());
}

const SECOND: Duration = Duration::from_millis(100);

/// The starts of all of them, by the times that they are counted by: in no window more than the amount.
#[test]
fn no_window_of_eight_processes_holds_too_much() {
    in_real_time(|| {
        let dir = Dir::in_memory();
        let all = in_all("processes::takes_for_a_while", &dir.file());
        let mut starts: Vec<u64> = all.into_iter().flatten().collect();
        starts.sort_unstable();
        let window = u64::try_from(SECOND.as_micros()).expect("short");
        for (index, start) in starts.iter().enumerate() {
            let within = starts[index..].iter().take_while(|other| **other <= start + window).count();
            must(within <= 20, || format!("{within} from {start}"));
        }
        // All of them at once meet the limit from the first window on.
        let windows: BTreeSet<u64> = starts.iter().map(|start| (start - starts[0]) / (window + 1)).collect();
        assert!(starts.len() >= 20 * windows.len() - 20 && windows.len() >= 5, "{starts:?}");
    });
}

#[test]
#[ignore = "runs in a process that another test starts"]
fn takes_for_a_while() {
    let Some(path) = told() else { return };
    wait_for_all();
    // All at once make the file.
    let store = open(&path);
    let ask = Ask::to_acquire(("api", Some("ann")), &[Rate::new(20, SECOND)], &[], 1);
    let mut starts = Vec::new();
    let begin = SystemClock.now();
    while since(begin) < Duration::from_secs(1) {
        let answer = store.play(std::slice::from_ref(&ask), Duration::from_secs(5)).remove(0);
        if let Some(start) = answer.expect("an answer").start() {
            starts.push(start.to_string());
        }
    }
    println!("took {}", starts.join(" "));
}
