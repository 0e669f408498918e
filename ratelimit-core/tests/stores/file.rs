//! A store in a file of its own.

use std::fs;
use std::path::PathBuf;

use ratelimit_core::store::SqliteStore;

/// Its directory is deleted in the end.
pub(crate) struct File(PathBuf);

impl File {
    pub(crate) fn new() -> Self {
        let dir = crate::temporary::place().join(format!("rate-limited-conformance-{}", std::process::id()));
        fs::create_dir_all(&dir).expect("a directory");
        File(dir)
    }

    /// As another process has it.
    pub(crate) fn store(&self) -> SqliteStore {
        SqliteStore::open(self.0.join("limits.db")).expect("a file of ours")
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
