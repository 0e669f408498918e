//! Redis: states in a server that many machines share.
//!
//! [`RedisStore`] is the store; [`Transport`] is what carries its commands, for those who have a client already.

mod cluster;
mod maker;
mod numbers;
mod play;
mod script;
mod server;
mod transport;
mod trouble;
mod url;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use self::cluster::Cluster;
use self::play::Player;
use self::script::{SCRIPTS, Scripts};
use self::server::Server;
pub use self::transport::{Command, Reply, Transport};
use self::url::info;
use super::{Answer, Ask, Failure, Store, TIMEOUT, ask};
use crate::error::Error;

/// What keys begin with: whose they are, and the format of what they hold.
const PREFIX: &str = "rl:v1:{";

/// States in a Redis server, for all the processes and machines that are given the same server and
/// [namespace](RedisStore::namespace). Feature `redis`.
///
/// A clone is the same store, and cheap.
///
/// # Examples
///
/// ```
/// use rate_limited::store::RedisStore;
/// use rate_limited::{Bucket, Rate};
/// use std::time::Duration;
///
/// let store = RedisStore::connect("redis://127.0.0.1:6379")?
///     .namespace("billing")
///     .timeout(Duration::from_millis(100));
/// let api = Bucket::named("api", Rate::per_second(10)).store(store.clone());
/// let mail = Bucket::named("mail", Rate::per_hour(500)).store(store);
/// # Ok::<(), rate_limited::Error>(())
/// ```
///
/// # What it needs
///
/// Redis 7 or newer, or Valkey: scripts in Lua, `GETRANGE` and `SETRANGE`. No module, and no configuration, but
/// **eviction** must not meet its keys (`maxmemory-policy noeviction`), as a key that is evicted is a limit that is
/// forgotten. Keys end by themselves. What a replica takes over when its master is lost may lack the last writes, as
/// replication does not wait: the process that asks first puts back what it has started, of what others started last
/// nothing is put back, and at most one further amount may start.
///
/// | URL | where |
/// |---|---|
/// | `redis://host:6379` | by TCP; without a port 6379 |
/// | `redis://user:password@host/2` | as that user, in database 2; `redis://:password@host` without a user |
/// | `rediss://host` | by TLS, feature `redis-tls`: certificates are those that the system trusts |
/// | `unix:///run/redis.sock?db=2&user=..&pass=..` | by a socket on the same machine |
/// | `redis://host?protocol=resp3` | by RESP3 in place of RESP2, with any of these; limits are the same |
///
/// `valkey` and `valkeys` are the same. What stands before the `@` has its `/`, `?`, `#` and `%` written as `%2F`, `%3F`, `%23` and
/// `%25`. What a URL says that means nothing here is an error. [`cluster`](RedisStore::cluster) takes URLs of some of a cluster's nodes. What is
/// connected by other means, through sentinels for one, comes [with a transport](RedisStore::with_transport) of its own.
///
/// A user of the server needs no more rights than these; in a cluster also `+cluster|slots +asking`:
///
/// ```text
/// ACL SETUSER limiter on >secret ~rl:v1:* -@all +eval +evalsha +time +get +set +getrange +setrange +pexpireat
/// ```
///
/// and `+select` where the URL names another database than 0.
///
/// The server's setting `timeout`, after which it closes connections that nobody uses, has to be 0, as it is unless set, or
/// above 30 seconds: for so long an idle connection is trusted here, and a call on one that the server has closed fails.
///
/// With `redis-tls` a connection needs the process's cryptography provider of `rustls`. Where the program has installed
/// none by the first one, that of `ring` is installed for all of the process; its own goes first, if it installs it at its
/// start.
///
/// # What is lost
///
/// A server without persistence begins anew when it is restarted, and so do limits, but for what the processes put back that
/// run: see [`Bucket::store`](crate::Bucket::store). With an append-only file it loses nothing (`appendfsync always`), or
/// the last second (`everysec`).
///
/// What is given back, corrected, or heard from a server is on its way for a moment. What has not arrived as a process exits
/// is lost: see [`Bucket::store`](crate::Bucket::store).
///
/// # What a trip does
///
/// An acquire, or a charge, is one trip: a script reads, judges by the server's own clock, and writes. What callers of one
/// bucket want at the same time goes together. A refusal writes nothing. Everything else is two trips, in which states are
/// read, judged here, and written if nobody else wrote meanwhile, or else once more: refunds, resets, all of a bucket that
/// learns from what the [server says](crate::Permit::observe), all under a user's
/// [own policy](crate::Bucket::with_policy), and all of a bucket with more than some ten rates, those of `total` included,
/// for which a script has no room. These are therefore **slower**, and may fail where many processes do so at once; a peek
/// is one trip. Now and then, where a window's log has to be given more room, an acquire is three. So is each of a program
/// with older limits while a newer one, of a higher generation, runs beside it. There is a script for each list of kinds of
/// rates that a program has, of 5 to 30 kB; a server that does not know it yet is sent it, which is a trip more.
///
/// What is lost on its way is never sent again: whether it was played nobody knows, and it counts as spent.
///
/// # What is stored
///
/// One key for each key of a bucket: of bucket `api` in namespace `billing` the calls without a key are
/// `rl:v1:{billing:api}`, those of key `ann` are `rl:v1:{billing:api}:ann`, and what `total` bounds is
/// `rl:v1:{billing:api}/total`, so that all of a bucket lies in one slot of a cluster, and with it on one node. Each holds
/// one string, which begins with the version of its format, and is an error where it cannot be read: nothing is guessed
/// and nothing reset. It ends some seconds after nothing in it counts any more, or would have counted but for a reset:
/// where that takes long up to an eighth of it later, so that few writes have to tell the server anew.
///
/// | limits | bytes of the server's memory, all in, with a name of 22 |
/// |---|---|
/// | token bucket | 199 |
/// | fixed window | 230 |
/// | sliding window | 390, and 8 to 9 for each start that counts or did so some seconds ago; 10,500 for 1,000 |
///
/// To a replica and an append-only file goes what is written: for an acquire some 150 bytes, and 350 where a sliding window
/// is among the rates, however many starts it remembers.
///
/// # Time
///
/// Times are the server's, so clients' clocks make no difference. Where the server's clock goes back, by a step or as
/// another server takes over, it is as if no time had passed meanwhile: nothing is admitted that would not have been
/// before, and nobody waits longer than limits say. Where it steps forward, as much is free as time seems to have passed.
/// Between the server's decision and the call's start lies the way back: what the [guard](crate::Bucket::guard) has to
/// cover is how much these ways differ, beside the calls' own; where trips take several milliseconds now and then, let it
/// be 20 ms or more.
///
/// # Errors
///
/// Of kind [`Store`](crate::ErrorKind::Store), with a cause that says what the server or the network did. What it is called
/// tells a server that does not answer from one that does, and behind that stands what would help, where that is known:
///
/// | bucket .. is kept in a store that | as by |
/// |---|---|
/// | does not answer | no connection, no answer in time, a connection that was lost |
/// | refuses calls | `NOAUTH`, another password, `NOPERM`, `LOADING`, `READONLY`, `OOM`, `MOVED`, a server that is too old |
/// | does not answer as it should | an HTTP server, or whatever else does not speak the protocol |
/// | cannot answer this call | `WRONGTYPE`, a state that cannot be read |
///
/// In an [outage](crate::store::OnOutage) it makes no difference which of the first three it is.
#[derive(Clone)]
pub struct RedisStore(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    transport: Arc<dyn Transport>,
    scripts: &'static Scripts,
    /// What every key begins with, up to the bucket's name.
    prefix: String,
    timeout: Duration,
}

impl RedisStore {
    /// The server at `url`, one of the forms [above](RedisStore#what-it-needs). It is connected to when it is asked first,
    /// so that a server that is not there keeps no program from starting, and by as many connections as there are callers
    /// at once; 64 of them are kept for whoever comes next.
    ///
    /// # Errors
    ///
    /// Of kind [`Config`](crate::ErrorKind::Config) where that is no URL of a server; it says what to write, and repeats no
    /// password; a bare word, with or without a port, is taken for a host, and repeated.
    ///
    /// # Examples
    ///
    /// ```
    /// use rate_limited::ErrorKind;
    /// use rate_limited::store::RedisStore;
    ///
    /// let error = RedisStore::connect("localhost:6379").unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::Config);
    /// assert_eq!(
    ///     error.to_string(),
    ///     "the URL of a Redis server has no scheme: write `redis://localhost:6379`"
    /// );
    /// ```
    pub fn connect(url: &str) -> Result<Self, Error> {
        Ok(Self::over(Arc::new(Server::new(info(url)?))))
    }

    /// The cluster in which the nodes at `urls` are: some of them are enough to learn of the others, which are then
    /// reached with the same user, password and encryption.
    ///
    /// Which slots lie where is asked when it is not known, and again for those of a node that says that they lie elsewhere,
    /// or does not answer. While a slot moves, and what a call is about lies on two nodes, it is sent again as long as there is
    /// time: neither node has played it.
    ///
    /// # Errors
    ///
    /// Of kind [`Config`](crate::ErrorKind::Config) where one of them is no URL of a server, or there is none.
    ///
    /// # Examples
    ///
    /// ```
    /// use rate_limited::store::RedisStore;
    ///
    /// let store = RedisStore::cluster(["redis://10.0.0.1:7000", "redis://10.0.0.2:7000"])?;
    /// # Ok::<(), rate_limited::Error>(())
    /// ```
    pub fn cluster(urls: impl IntoIterator<Item = impl AsRef<str>>) -> Result<Self, Error> {
        let infos = urls.into_iter().map(|url| info(url.as_ref())).collect::<Result<Vec<_>, _>>()?;
        let none = || Error::config("a cluster needs the URL of one of its nodes at least");
        Ok(Self::over(Arc::new(Cluster::new(infos).ok_or_else(none)?)))
    }

    /// The server, or the cluster, that `transport` sends commands to.
    pub fn with_transport(transport: impl Transport) -> Self {
        Self::over(Arc::new(transport))
    }

    fn over(transport: Arc<dyn Transport>) -> Self {
        let prefix = prefix("default");
        RedisStore(Arc::new(Inner { transport, scripts: &SCRIPTS, prefix, timeout: TIMEOUT }))
    }

    /// The same server, but other states: whose namespaces differ share nothing. It is `default` unless set.
    ///
    /// # Examples
    ///
    /// ```
    /// use rate_limited::store::RedisStore;
    ///
    /// let store = RedisStore::connect("redis://127.0.0.1")?.namespace("staging");
    /// # Ok::<(), rate_limited::Error>(())
    /// ```
    #[must_use]
    pub fn namespace(self, name: &str) -> Self {
        self.but(|inner| inner.prefix = prefix(name))
    }

    /// The longest time that an answer of the server may take, connecting and all trips included, by default 250 ms. It is
    /// not waiting: a call ends no later than its allowance and this. With none, [`Duration::ZERO`], no bucket can be.
    #[must_use]
    pub fn timeout(self, timeout: Duration) -> Self {
        self.but(|inner| inner.timeout = timeout)
    }

    fn but(self, change: impl FnOnce(&mut Inner)) -> Self {
        let mut inner = Arc::unwrap_or_clone(self.0);
        change(&mut inner);
        RedisStore(Arc::new(inner))
    }
}

fn prefix(namespace: &str) -> String {
    format!("{PREFIX}{}:", ask::escaped(namespace))
}

impl Store for RedisStore {
    fn play(&self, asks: &[Ask], timeout: Duration) -> Vec<Result<Answer, Failure>> {
        let Inner { transport, scripts, prefix, .. } = &*self.0;
        Player::new(&**transport, scripts, prefix, timeout).play(asks)
    }

    fn timeout(&self) -> Duration {
        self.0.timeout
    }

    fn identity(&self) -> Option<usize> {
        Some(Arc::as_ptr(&self.0).addr())
    }
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { transport, prefix, timeout, .. } = &*self.0;
        f.debug_struct("RedisStore")
            .field("transport", transport)
            .field("prefix", prefix)
            .field("timeout", timeout)
            .finish()
    }
}

#[cfg(test)]
mod tests;
