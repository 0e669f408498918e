//! Where tests keep their files.

use std::path::PathBuf;
use std::sync::OnceLock;

/// In memory where the machine has that, and nobody says otherwise by `TMPDIR`: a disk that others use as well stands
/// still for seconds at times, and it is none of these tests that wants to know of that.
pub(crate) fn place() -> PathBuf {
    static PLACE: OnceLock<PathBuf> = OnceLock::new();
    let find = || {
        let memory = PathBuf::from("/dev/shm");
        let is_ours = std::env::var_os("TMPDIR").is_none() && tempfile::tempfile_in(&memory).is_ok();
        if is_ours { memory } else { std::env::temp_dir() }
    };
    PLACE.get_or_init(find).clone()
}
