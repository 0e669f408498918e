//! Connections to one server, by the `redis` crate.

use std::fmt;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use redis::{Connection, ConnectionAddr, ConnectionInfo, Value};

use super::transport::{Command, Reply, Transport};
use super::trouble;
use crate::clock::{Clock, SystemClock};
use crate::store::Failure;
use crate::sync::{Condvar, Mutex, MutexGuard, thread};
use crate::time::Timestamp;

/// How many connections are kept that nobody uses.
const IDLE: usize = 64;
/// How many are being made at once at most; whoever comes then waits for one of these, or for one that is given back.
const ATTEMPTS: usize = 16;
/// How long a connection may be idle before it is not trusted any more: what lies between forgets it without a word.
const FRESH: Duration = Duration::from_secs(30);

/// A server, and the connections to it: one for each caller at a time.
pub(super) struct Server {
    info: Arc<ConnectionInfo>,
    pool: Arc<Pool>,
}

#[derive(Default)]
struct Pool {
    state: Mutex<State>,
    /// A connection is idle that was not, or one less is being made: one of those who wait is told.
    freed: Condvar,
}

#[derive(Default)]
struct State {
    /// In the order in which they were given back.
    idle: Vec<Idle>,
    /// How many are being made.
    attempts: usize,
    /// How many callers wait: to tell somebody asks the system, and as a rule there is nobody.
    waiting: usize,
}

struct Idle {
    line: Line,
    since: Timestamp,
}

/// A connection, and the timeouts that it has.
struct Line {
    connection: Connection,
    timeout: Option<Duration>,
}

impl Server {
    pub(super) fn new(info: ConnectionInfo) -> Self {
        Server { info: Arc::new(info), pool: Arc::default() }
    }

    pub(super) fn info(&self) -> &ConnectionInfo {
        &self.info
    }

    fn line(&self, begin: Timestamp, timeout: Duration) -> Result<Line, Failure> {
        let until = begin.saturating_add(timeout);
        match self.pool.take(begin, until) {
            Some(Taken::Idle(line)) => Ok(line),
            Some(Taken::Attempt(attempt)) => self.connect(attempt, until, timeout),
            None => {
                let busy =
                    format_args!("{ATTEMPTS} connections are being made, and none was within {timeout:?}");
                Err(self.failure(busy))
            }
        }
    }

    /// A new connection, made by a thread of its own: names are looked up, and handshakes done, for as long as they take.
    #[expect(
        clippy::disallowed_methods,
        reason = "networks take the machine's time, whatever a bucket's clock"
    )]
    fn connect(&self, attempt: Attempt, until: Timestamp, timeout: Duration) -> Result<Line, Failure> {
        let left = until.saturating_since(SystemClock.now());
        let (sender, receiver) = mpsc::sync_channel(1);
        let info = Arc::clone(&self.info);
        let connect = move || {
            let _attempt = attempt;
            // If nobody waits any more it is closed.
            let _ = sender.send(connect(&info, left));
        };
        if let Err(error) = thread::Builder::new().name("rate-limited-redis".to_owned()).spawn(connect) {
            return Err(self.failure(format_args!("no thread could be started: {error}")));
        }
        match receiver.recv_timeout(left) {
            Ok(Ok(connection)) => Ok(Line { connection, timeout: None }),
            Ok(Err(error)) if !error.is_timeout() => Err(trouble::not_connected(self.info.addr(), &error)),
            Ok(Err(_)) | Err(RecvTimeoutError::Timeout) => {
                let failure = self.failure(format_args!("the server was not reached within {timeout:?}"));
                Err(failure.advise(trouble::FAR))
            }
            Err(RecvTimeoutError::Disconnected) => Err(self.failure(format_args!("the client panicked"))),
        }
    }

    fn exchange(&self, commands: &[Command], timeout: Duration) -> Vec<Result<Reply, Failure>> {
        if timeout.is_zero() {
            return vec![Err(Failure::no_time()); commands.len()];
        }
        let timeout = whole_millis(timeout);
        let begin = SystemClock.now();
        let until = begin.saturating_add(timeout);
        let mut line = match self.line(begin, timeout) {
            Ok(line) => line,
            Err(failure) => return vec![Err(failure); commands.len()],
        };
        let is_new = line.timeout.is_none();
        let mut replies = Vec::with_capacity(commands.len());
        let sent = line.limit(until).and_then(|()| line.connection.send_packed_command(&packed(commands)));
        let mut outcome = sent;
        while outcome.is_ok() && replies.len() < commands.len() {
            // What came before may have taken time.
            if !replies.is_empty() {
                outcome = line.limit(until);
            }
            let received = outcome.and_then(|()| line.receive());
            outcome = received.map(|value| replies.push(Ok(reply(value))));
        }
        match outcome {
            Ok(()) => self.pool.keep(line),
            Err(error) => {
                let failure = if error.is_timeout() {
                    // Those that were idle as long may have been forgotten on their way as this one; those that were used
                    // meanwhile are known to work, and to make them anew would only make a slow server slower.
                    self.pool.lose(begin);
                    let failure = self.failure(format_args!("the server did not answer within {timeout:?}"));
                    let is_tls = matches!(self.info.addr(), ConnectionAddr::TcpTls { .. });
                    if is_tls && is_new && replies.is_empty() {
                        failure.advise(trouble::SILENT)
                    } else {
                        failure
                    }
                } else {
                    // What this one met, a restart as a rule, the idle ones will meet as well.
                    self.pool.lose(SystemClock.now());
                    trouble::lost(self.info.addr(), &error, is_new && replies.is_empty())
                };
                replies.resize(commands.len(), Err(failure));
            }
        }
        replies
    }

    fn failure(&self, what: fmt::Arguments<'_>) -> Failure {
        Failure::new(format!("redis at {}: {what}", self.info.addr()))
    }
}

impl Transport for Server {
    fn send(&self, commands: &[Command], timeout: Duration) -> Vec<Result<Reply, Failure>> {
        self.exchange(commands, timeout)
    }
}

/// Where it is, and nothing of how one gets in.
impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Server").field(&format_args!("{}", self.info.addr())).finish()
    }
}

/// What a caller goes on with: a connection, or the right to make one.
enum Taken {
    Idle(Line),
    Attempt(Attempt),
}

impl Pool {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for either until then, from `now` on; `None` if there was none.
    #[expect(
        clippy::disallowed_methods,
        reason = "networks take the machine's time, whatever a bucket's clock"
    )]
    fn take(self: &Arc<Self>, mut now: Timestamp, until: Timestamp) -> Option<Taken> {
        let mut state = self.lock();
        loop {
            // What is older than the last one that was given back is no fresher.
            if let Some(idle) = state.idle.pop() {
                if now.saturating_since(idle.since) < FRESH {
                    return Some(Taken::Idle(idle.line));
                }
                let others = std::mem::take(&mut state.idle);
                // Connections are closed without the lock.
                drop(state);
                drop((idle, others));
                state = self.lock();
                continue;
            }
            if state.attempts < ATTEMPTS {
                state.attempts += 1;
                return Some(Taken::Attempt(Attempt(Arc::clone(self))));
            }
            let left = until.saturating_since(now);
            if left.is_zero() {
                return None;
            }
            state.waiting += 1;
            state = self.freed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
            state.waiting -= 1;
            now = SystemClock.now();
        }
    }

    fn keep(&self, line: Line) {
        let since = SystemClock.now();
        let mut state = self.lock();
        if state.idle.len() < IDLE {
            state.idle.push(Idle { line, since });
            self.tell_one(state);
        } else {
            // The line is closed without the lock.
            drop(state);
        }
    }

    /// Tells one of those who wait, if any do.
    fn tell_one(&self, state: MutexGuard<'_, State>) {
        let waits = state.waiting > 0;
        drop(state);
        if waits {
            self.freed.notify_one();
        }
    }

    /// Closes those that are idle since before then.
    fn lose(&self, before: Timestamp) {
        let mut state = self.lock();
        let (lost, kept) = std::mem::take(&mut state.idle).into_iter().partition(|idle| idle.since <= before);
        state.idle = kept;
        drop(state);
        drop::<Vec<_>>(lost);
    }
}

/// Counts as long as it lives, whatever its thread comes to.
struct Attempt(Arc<Pool>);

impl Drop for Attempt {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.attempts -= 1;
        self.0.tell_one(state);
    }
}

fn connect(info: &ConnectionInfo, timeout: Duration) -> redis::RedisResult<Connection> {
    #[cfg(feature = "redis-tls")]
    if matches!(info.addr(), ConnectionAddr::TcpTls { .. })
        && rustls::crypto::CryptoProvider::get_default().is_none()
    {
        // Somebody else may have been faster, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
    redis::Client::open(info.clone())?.get_connection_with_timeout(timeout)
}

/// Rounded up, as finely as the system counts.
fn whole_millis(span: Duration) -> Duration {
    Duration::from_millis(u64::try_from(span.as_micros().div_ceil(1000)).unwrap_or(u64::MAX))
}

impl Line {
    /// Sets timeouts for what is to be done until then.
    ///
    /// They are for each of the system's calls; a fresh exchange has nearly always the same, and then nothing is set.
    fn limit(&mut self, until: Timestamp) -> redis::RedisResult<()> {
        let left = until.saturating_since(SystemClock.now());
        if left.is_zero() {
            return Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into());
        }
        let left = whole_millis(left);
        if self.timeout != Some(left) {
            self.connection.set_read_timeout(Some(left))?;
            self.connection.set_write_timeout(Some(left))?;
            self.timeout = Some(left);
        }
        Ok(())
    }

    fn receive(&mut self) -> redis::RedisResult<Value> {
        loop {
            match self.connection.recv_response()? {
                // What a server says unasked is no reply.
                Value::Push { .. } => {}
                value => return Ok(value),
            }
        }
    }
}

/// As the protocol has it: for each command how many texts there are, and each behind its length.
fn packed(commands: &[Command]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(512);
    let mut digits = itoa::Buffer::new();
    let mut line = |bytes: &mut Vec<u8>, mark: u8, len: usize| {
        bytes.push(mark);
        bytes.extend_from_slice(digits.format(len).as_bytes());
        bytes.extend_from_slice(b"\r\n");
    };
    for command in commands {
        line(&mut bytes, b'*', command.args().len());
        command.for_each_arg(|arg| {
            line(&mut bytes, b'$', arg.len());
            bytes.extend_from_slice(arg);
            bytes.extend_from_slice(b"\r\n");
        });
    }
    bytes
}

fn reply(value: Value) -> Reply {
    match value {
        Value::Nil => Reply::Nil,
        Value::Int(number) => Reply::Integer(number),
        Value::BulkString(bytes) => Reply::Bytes(bytes),
        Value::Okay => Reply::Simple("OK".to_owned()),
        Value::SimpleString(text) => Reply::Simple(text),
        Value::Array(list) | Value::Set(list) => Reply::List(list.into_iter().map(reply).collect()),
        Value::ServerError(error) => Reply::Error(match error.details() {
            Some(details) => format!("{} {details}", error.code()),
            None => error.code().to_owned(),
        }),
        other => Reply::Simple(format!("{other:?}")),
    }
}
