//! A disk that is full, and one that cannot be written to: small ones of a process's own. Root may have them, and anybody
//! where users may have namespaces of their own.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use ratelimit_core::clock::{Clock, SystemClock};
use ratelimit_core::store::Store;

use crate::{
    Dir, amount, drain, fails, integrity, open, process, remaining, since, skipped, takes, takes_in_time,
    told,
};

/// Runs that test on a disk of 512 kB. Where it cannot be had, which no installation can help, it says so; a failure only
/// where it could have been, and all that tests need has to be there.
fn on_a_disk_of_its_own(name: &str) {
    let mut why = String::new();
    for rights in [&["--mount"][..], &["--user", "--map-root-user", "--mount"]] {
        match try_on_a_disk_of_its_own(name, rights) {
            Ok(()) => return,
            Err(said) => why = said,
        }
    }
    let said = format!("no disk of its own: {}", why.trim());
    assert!(!(skipped::is_needed() && may_mount()), "{said}");
    skipped::say(&said);
}

/// What kept it from having one.
fn try_on_a_disk_of_its_own(name: &str, rights: &[&str]) -> Result<(), String> {
    let dir = Dir::new();
    let test = process(name, &dir.file());
    let mut command = Command::new("unshare");
    command.args(rights);
    command.args(["sh", "-c", r#"mount -t tmpfs -o size=512k none "$0" || exit 77; exec "$@""#]);
    command.arg(&dir.0).arg(test.get_program()).args(test.get_args());
    command.envs(test.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let output = command.output().map_err(|error| format!("`unshare`: {error}"))?;
    let (told, said) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if output.status.code() == Some(77) || told.is_empty() {
        return Err(said.into_owned());
    }
    assert!(output.status.success() && told.contains("1 passed"), "{told}{said}");
    Ok(())
}

/// Whether this process has `CAP_SYS_ADMIN`, as root has but in most containers.
fn may_mount() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let rights =
        status.lines().find_map(|line| u64::from_str_radix(line.strip_prefix("CapEff:")?.trim(), 16).ok());
    rights.is_some_and(|rights| rights >> 21 & 1 == 1)
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
    let free = || std::fs::remove_file(path.with_file_name("filler")).expect("a file");
    fails_while_full(&path, || fill(&path), free);
}

/// Calls on a file that cannot grow, or soon cannot once `fill` was called, until `free` is.
pub(crate) fn fails_while_full(path: &Path, fill: impl FnOnce(), free: impl FnOnce()) {
    let store = open(path);
    assert_eq!(drain(&store, "ann", amount(1_000_000), 5), 5);
    fill();
    let (mut taken, mut failed) = (5, 0);
    // The log's file may have some room yet.
    for _ in 0..500 {
        match takes_in_time(&store, "ann", amount(1_000_000)) {
            Ok(starts) => taken += u32::from(starts),
            Err(text) => {
                failed += 1;
                assert!(
                    text.contains("cannot be used: ") && (text.contains("full") || text.contains("I/O")),
                    "{text}"
                );
            }
        }
    }
    assert!(failed > 100, "{failed}");
    free();
    let begin = SystemClock.now();
    assert!(takes(&store, "bob", amount(1)).expect("there is room again"));
    assert!(since(begin) < Duration::from_secs(2));
    assert_eq!(1_000_000 - remaining(&store, "ann", amount(1_000_000)), taken, "what failed took nothing");
    assert_eq!(integrity(path), "ok");
}

/// Whether it is said that nothing can be written.
pub(crate) fn refuses(failure: &str) {
    let is_told = ["readonly", "read-only", "unable to open"].iter().any(|text| failure.contains(text));
    assert!(is_told, "{failure}");
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
        // With a source, `mount` repeats no options from before, of which some are not this namespace's to set.
        let status = Command::new("mount").args(["-o", how, "none"]).arg(disk).status().expect("mount");
        assert!(status.success(), "{how}");
    };
    let refuses = |store: &dyn Store| refuses(&fails(store, "ann", amount(9)));
    // Before it is made, and after it was closed; what is open keeps a disk from becoming read-only.
    remount("remount,ro");
    let store = open(&path);
    refuses(&store);
    remount("remount,rw");
    assert_eq!(drain(&store, "ann", amount(9), 4), 4);
    drop(store);
    remount("remount,ro");
    let store = open(&path);
    refuses(&store);
    refuses(&store);
    remount("remount,rw");
    assert_eq!(drain(&store, "ann", amount(9), 9), 5);
}
