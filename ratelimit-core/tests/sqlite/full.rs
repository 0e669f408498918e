//! A disk that is full, and one that cannot be written to: small ones of a process's own, which only root may have.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use ratelimit_core::clock::{Clock, SystemClock};
use ratelimit_core::store::{Ask, Store};

use crate::{Dir, amount, drain, integrity, open, process, remaining, since, soon, takes, told};

/// Runs that test on a disk of 512 kB; says so where it cannot be had.
fn on_a_disk_of_its_own(name: &str) {
    let dir = Dir::new();
    let test = process(name, &dir.file());
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", r#"mount -t tmpfs -o size=512k none "$0" || exit 77; exec "$@""#]);
    command.arg(&dir.0).arg(test.get_program()).args(test.get_args());
    command.envs(test.get_envs().filter_map(|(name, value)| Some((name, value?))));
    match command.output() {
        Ok(output) if output.status.success() => {
            assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"), "{output:?}");
        }
        Ok(output) if output.status.code() == Some(77) || output.stdout.is_empty() => {
            println!("skipped: no disk of its own: {}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(output) => {
            panic!("{}", String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr))
        }
        Err(error) => println!("skipped: no `unshare`: {error}"),
    }
}

/// Fills what is left of the disk.
fn fill(path: &Path) {
    let filler = path.with_file_name("filler");
    let _ = std::fs::write(&filler, vec![0; 400_000]);
    let mut file = std::fs::OpenOptions::new().append(true).open(filler).expect("a file");
    while std::io::Write::write_all(&mut file, &[0; 512]).is_ok() {}
}

#[test]
fn the_disk_is_full() {
    on_a_disk_of_its_own("full::on_a_full_disk");
}

#[test]
#[ignore = "runs in a process that another test starts"]
fn on_a_full_disk() {
    let Some(path) = told() else { return };
    let store = open(&path);
    assert_eq!(drain(&store, "ann", amount(1_000_000), 5), 5);
    fill(&path);
    let (mut taken, mut failed, mut late) = (5, 0, 0);
    // The log's file may have some room yet.
    for _ in 0..500 {
        let begin = SystemClock.now();
        let ask = Ask::to_acquire(("api", Some("ann")), &[amount(1_000_000)], &[], 1);
        match store.play(&[ask], Duration::from_millis(100)).remove(0) {
            Ok(answer) => taken += u32::from(answer.is_granted()),
            Err(failure) => {
                failed += 1;
                let text = failure.to_string();
                assert!(
                    text.contains("cannot be used: ") && (text.contains("full") || text.contains("I/O")),
                    "{text}"
                );
            }
        }
        late += u32::from(since(begin) > Duration::from_millis(400));
    }
    assert!(failed > 100 && late < 10, "{failed} failed, {late} late");
    std::fs::remove_file(path.with_file_name("filler")).expect("a file");
    let begin = SystemClock.now();
    assert!(takes(&store, "bob", amount(1)).expect("there is room again"));
    assert!(since(begin) < Duration::from_secs(2));
    assert_eq!(1_000_000 - remaining(&store, "ann", amount(1_000_000)), taken, "what failed took nothing");
    assert_eq!(integrity(&path), "ok");
}

#[test]
fn the_disk_cannot_be_written_to() {
    on_a_disk_of_its_own("full::on_a_disk_that_is_read_only");
}

#[test]
#[ignore = "runs in a process that another test starts"]
fn on_a_disk_that_is_read_only() {
    let Some(path) = told() else { return };
    let disk = path.parent().expect("a directory");
    let remount = |how: &str| {
        let status = Command::new("mount").args(["-o", how]).arg(disk).status().expect("mount");
        assert!(status.success(), "{how}");
    };
    let fails = |store: &dyn Store| {
        let answer = soon(Duration::from_millis(400), || takes(store, "ann", amount(9)));
        let failure = answer.expect_err("a disk that is read-only").to_string();
        let is_told = ["readonly", "read-only", "unable to open"].iter().any(|text| failure.contains(text));
        assert!(is_told, "{failure}");
    };
    // Before it is made, and after it was closed; what is open keeps a disk from becoming read-only.
    remount("remount,ro");
    let store = open(&path);
    fails(&store);
    remount("remount,rw");
    assert_eq!(drain(&store, "ann", amount(9), 4), 4);
    drop(store);
    remount("remount,ro");
    let store = open(&path);
    fails(&store);
    fails(&store);
    remount("remount,rw");
    assert_eq!(drain(&store, "ann", amount(9), 9), 5);
}
