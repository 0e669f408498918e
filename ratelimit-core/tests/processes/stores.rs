//! Over which stores.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use ratelimit_core::Bucket;
use ratelimit_core::store::{RedisStore, SqliteStore};

use crate::laws;
use crate::redis_server::RedisServer;

/// It is not the store's deadline that is tested, on a machine that has much else to do.
pub(crate) const TRIP: Duration = Duration::from_secs(2);

/// A store that processes can be told of.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    File(PathBuf),
    Server(String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::File(path) => write!(f, "file {}", path.display()),
            Place::Server(url) => write!(f, "server {url}"),
        }
    }
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(' ') {
            Some(("file", path)) => Ok(Place::File(path.into())),
            Some(("server", url)) => Ok(Place::Server(url.to_owned())),
            _ => Err(format!("no place {text}")),
        }
    }
}

impl Place {
    pub(crate) fn over(&self, bucket: Bucket) -> Bucket {
        match self {
            Place::File(path) => {
                bucket.store(SqliteStore::open(path).expect("a file of this crate").timeout(TRIP))
            }
            Place::Server(url) => bucket.store(RedisStore::connect(url).expect("a URL").timeout(TRIP)),
        }
    }
}

#[test]
fn the_laws_hold_over_sqlite() {
    let dir = tempfile::tempdir().expect("a directory");
    laws::hold(&Place::File(dir.path().join("limits.db")));
}

#[test]
fn the_laws_hold_over_redis() {
    if let Some(server) = RedisServer::start() {
        laws::hold(&Place::Server(server.url()));
    }
}
