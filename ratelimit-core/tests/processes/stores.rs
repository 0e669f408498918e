//! Over which stores.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use ratelimit_core::Bucket;
use ratelimit_core::store::{Answer, Ask, Failure, RedisStore, SqliteStore, Store};

use crate::lateness;
use crate::laws::{self, SCENES, Scene};
use crate::machine::in_real_time;
use crate::redis_server::{RedisServer, cluster_of_six};
use crate::temporary;

/// It is not the store's deadline that is tested, on a machine that has much else to do.
pub(crate) const TRIP: Duration = Duration::from_secs(2);

/// A store that processes can be told of.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    File(PathBuf),
    Server(String),
    /// By some of its nodes, with commas between them.
    Cluster(String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::File(path) => write!(f, "file {}", path.display()),
            Place::Server(url) => write!(f, "server {url}"),
            Place::Cluster(urls) => write!(f, "cluster {urls}"),
        }
    }
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(' ') {
            Some(("file", path)) => Ok(Place::File(path.into())),
            Some(("server", url)) => Ok(Place::Server(url.to_owned())),
            Some(("cluster", urls)) => Ok(Place::Cluster(urls.to_owned())),
            _ => Err(format!("no place {text}")),
        }
    }
}

/// A store of which everything that it grants is printed, and counted: what nobody starts is to be known as well. So is how
/// long each trip takes, and for which keys the store said to ask later.
#[derive(Debug)]
struct Told<S>(S, Arc<AtomicUsize>);

impl<S: Store> Store for Told<S> {
    fn play(&self, asks: &[Ask], timeout: Duration) -> Vec<Result<Answer, Failure>> {
        let begin = Instant::now();
        let answers = self.0.play(asks, timeout);
        println!("trip {} {}", lateness::now(), begin.elapsed().as_nanos());
        for (ask, answer) in
            asks.iter().zip(&answers).filter_map(|(ask, answer)| Some((ask, answer.as_ref().ok()?)))
        {
            if let Some((counted, slack)) = answer.start().zip(answer.slack()) {
                println!("granted {counted} {slack}");
                self.1.fetch_add(1, Ordering::Relaxed);
            }
            if let Some(wait) = answer.later() {
                let entry = ask.entries().next().expect("that of a key");
                println!("later {} {} {entry}", lateness::now(), 1000 * wait);
            }
        }
        answers
    }

    fn timeout(&self) -> Duration {
        self.0.timeout()
    }

    fn identity(&self) -> Option<usize> {
        self.0.identity()
    }
}

impl Place {
    pub(crate) fn over(&self, bucket: Bucket) -> Bucket {
        self.over_and_counted(bucket).0
    }

    /// And what tells how often a start was granted.
    pub(crate) fn over_and_counted(&self, bucket: Bucket) -> (Bucket, impl Fn() -> usize + use<>) {
        let counted = Arc::<AtomicUsize>::default();
        let granted = Arc::clone(&counted);
        let bucket = match self {
            Place::File(path) => {
                let store = SqliteStore::open(path).expect("a file of this crate");
                bucket.store(Told(store.timeout(TRIP), granted))
            }
            Place::Server(url) => {
                bucket.store(Told(RedisStore::connect(url).expect("a URL").timeout(TRIP), granted))
            }
            Place::Cluster(urls) => {
                let store = RedisStore::cluster(urls.split(',')).expect("URLs");
                bucket.store(Told(store.timeout(TRIP), granted))
            }
        };
        (bucket, move || counted.load(Ordering::Relaxed))
    }
}

#[test]
fn the_laws_hold_over_sqlite() {
    in_real_time(|| {
        let dir = tempfile::tempdir_in(temporary::place()).expect("a directory");
        laws::hold(&Place::File(dir.path().join("limits.db")), &SCENES);
    });
}

#[test]
fn the_laws_hold_over_redis() {
    in_real_time(|| {
        if let Some(server) = RedisServer::start() {
            laws::hold(&Place::Server(server.url()), &SCENES);
        }
    });
}

/// Of a bucket all that counts lies on one node, so that what is told of one server is told of each: the simplest limits, and
/// those that take two entries.
#[test]
fn the_laws_hold_over_a_cluster() {
    in_real_time(|| {
        if let Some(nodes) = cluster_of_six() {
            let urls: Vec<String> = nodes.iter().map(RedisServer::url).collect();
            laws::hold(&Place::Cluster(urls.join(",")), &[Scene::Sliding, Scene::All]);
        }
    });
}
