//! Processes that are killed in the middle of what they do.

use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use ratelimit_core::clock::{Clock, SystemClock};
use ratelimit_core::store::Ask;

use crate::common::Dice;
use crate::machine::{in_real_time, must};
use crate::{Dir, amount, drain, integrity, open, play, process, remaining, since, told};

const KILLS: u32 = 200;
const AMOUNT: u32 = 1_000_000;

/// Two at a time, so that each is killed while another writes: the file stays whole, and each start that was answered
/// counts, and at most one more for each of the killed, whose answer was on its way.
#[test]
fn two_hundred_are_killed() {
    in_real_time(|| {
        let dir = Dir::new();
        let mut dice = Dice::new(7);
        let mut answered = 0;
        for round in 0..KILLS / 2 {
            let mut pair: Vec<_> = (0..2)
                .map(|_| {
                    process("killed::takes_until_killed", &dir.file())
                        .stdout(Stdio::piped())
                        .spawn()
                        .expect("a process")
                })
                .collect();
            let outputs = pair.iter_mut().map(|child| {
                let output = BufReader::new(child.stdout.take().expect("its output"));
                let mut lines =
                    output.lines().map_while(Result::ok).filter(|line| line.ends_with("took one"));
                assert!(lines.next().is_some(), "a first start");
                thread::spawn(move || 1 + u32::try_from(lines.count()).expect("a count"))
            });
            let outputs: Vec<_> = outputs.collect();
            nap(Duration::from_micros(dice.below(4_000)));
            for child in &mut pair {
                child.kill().expect("a process to kill");
                nap(Duration::from_micros(dice.below(1_000)));
            }
            for child in &mut pair {
                assert!(!child.wait().expect("its end").success(), "killed");
            }
            answered += outputs.into_iter().map(|output| output.join().expect("a count")).sum::<u32>();
            // Whoever comes next is not held up by the dead.
            let (store, begin) = (open(&dir.file()), SystemClock.now());
            assert_eq!(drain(&store, "other", amount(AMOUNT), 1), 1);
            assert!(since(begin) < Duration::from_secs(2), "round {round}");
            if round % 20 == 0 {
                must(integrity(&dir.file()) == "ok", || integrity(&dir.file()));
            }
        }
        must(integrity(&dir.file()) == "ok", || integrity(&dir.file()));
        let store = open(&dir.file());
        let left = remaining(&store, "ann", amount(AMOUNT));
        let spent = AMOUNT - left;
        println!("{answered} answered, {spent} spent");
        let holds = (answered..=answered + KILLS).contains(&spent);
        must(holds, || format!("{answered} answered, {spent} spent"));
        let rest = Ask::to_acquire(("api", Some("ann")), &[amount(AMOUNT)], &[], left);
        let rest = play(&store, &rest).expect("an answer").is_granted();
        must(rest && drain(&store, "ann", amount(AMOUNT), 1) == 0, || format!("{left} are left"));
    });
}

#[expect(clippy::disallowed_methods, reason = "processes are killed in real time")]
pub(crate) fn nap(span: Duration) {
    thread::sleep(span);
}

#[test]
#[ignore = "runs in a process that another test starts"]
fn takes_until_killed() {
    let Some(path) = told() else { return };
    let store = open(&path);
    let ask = Ask::to_acquire(("api", Some("ann")), &[amount(AMOUNT)], &[], 1);
    let mut output = std::io::stdout().lock();
    loop {
        assert!(play(&store, &ask).expect("an answer").is_granted());
        output.write_all(b"took one\n").and_then(|()| output.flush()).expect("a listener");
    }
}
