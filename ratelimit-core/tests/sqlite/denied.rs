//! Files that may not grow, and that may not be written to, where no disk of a process's own can be had.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use crate::machine::in_real_time;
use crate::{Dir, amount, drain, fails, full, open, process, skipped, told};

/// How a shell ends that cannot do what it is for.
const WANTING: i32 = 77;

/// Runs that test in a process that `shell` makes of its arguments.
fn by(shell: &str, name: &str) {
    let dir = Dir::in_memory();
    let test = process(name, &dir.file());
    let mut command = Command::new("sh");
    command.args(["-c", shell, "sh"]).arg(test.get_program()).args(test.get_args());
    command.envs(test.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let output = command.output().expect("a shell");
    if output.status.code() == Some(WANTING) {
        return skipped::for_want_of("`prlimit` and `setpriv`, and root's right to have fewer rights");
    }
    let (told, said) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && told.contains("1 passed"), "{told}{said}");
}

/// As on a full disk, by a limit to how long any file may be.
#[test]
fn a_file_may_not_grow() {
    let shell = r#"prlimit --fsize >&2 || exit 77; trap '' XFSZ; exec "$@""#;
    in_real_time(|| by(shell, "denied::as_no_file_may_grow"));
}

#[test]
#[ignore = "runs in a process that another test starts"]
fn as_no_file_may_grow() {
    let Some(path) = told() else { return };
    let limit = |bytes: &str| {
        let me = std::process::id().to_string();
        let status = Command::new("prlimit").args(["--pid", &me, &format!("--fsize={bytes}:")]).status();
        assert!(status.expect("`prlimit`").success(), "{bytes}");
    };
    full::fails_while_full(&path, || limit("1024"), || limit("unlimited"));
}

/// By its permissions, and those of its directory, which root has to be without a right to keep to.
#[test]
fn a_file_may_not_be_written_to() {
    // Where root has no right to let go of one, it keeps it without a word.
    let shell = r#"
        [ "$(id -u)" = 0 ] || exec "$@"
        without="setpriv --bounding-set=-dac_override,-dac_read_search"
        file=$(mktemp) && chmod 400 "$file" && $without true || exit 77
        $without sh -c 'true >> "$0"' "$file"; writes=$?
        rm -f "$file"
        [ $writes = 0 ] && exit 77
        exec $without "$@""#;
    in_real_time(|| by(shell, "denied::as_nobody_may_write"));
}

#[test]
#[ignore = "runs in a process that another test starts"]
fn as_nobody_may_write() {
    let Some(path) = told() else { return };
    let set = |path: &Path, mode| fs::set_permissions(path, Permissions::from_mode(mode)).expect("its owner");
    let dir = path.parent().expect("a directory");
    // Before it is made, and after it was closed.
    set(dir, 0o500);
    let store = open(&path);
    full::refuses(&fails(&store, "ann", amount(9)));
    set(dir, 0o700);
    assert_eq!(drain(&store, "ann", amount(9), 4), 4);
    drop(store);
    set(&path, 0o400);
    set(dir, 0o500);
    let store = open(&path);
    for _ in 0..3 {
        full::refuses(&fails(&store, "ann", amount(9)));
    }
    set(dir, 0o700);
    set(&path, 0o600);
    assert_eq!(drain(&store, "ann", amount(9), 9), 5, "what failed took nothing");
}
