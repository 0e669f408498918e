//! What carries commands to a server: what a client of one's own has to do.

use std::fmt;
use std::time::Duration;

use super::numbers::float;
use super::trouble;
use crate::store::Failure;

/// Carries commands to a Redis server, or to the nodes of a cluster, and its replies back.
///
/// [`RedisStore::connect`](super::RedisStore::connect) brings one along; a program that has a client already, with its
/// connections, its TLS and its sentinels, can give the store that one:
/// [`RedisStore::with_transport`](super::RedisStore::with_transport).
///
/// # What it must promise
///
/// 1. **In order, and in one go**: the commands of a call that belong to the same [key](Command::key)'s node are sent
///    together over one connection, and played in their order.
/// 2. **Nothing twice.** A command that may have been played is never sent again: a reconnect that replays what was not
///    answered would count calls twice. What the server refused to play (`MOVED`, `ASK`) may go elsewhere.
/// 3. **No longer than it is given.** It returns within `timeout`, connecting included.
/// 4. **An error of the server's is a reply**: [`Reply::Error`], its code first as the server wrote it, in the place of the
///    command that it answers, and the other commands of the call have their own replies. A [`Failure`] is only what has no
///    reply. The store lives on it: `NOSCRIPT` says that a script has to be sent as its text.
///
/// It may block. It is called from several threads at once: by a thread of each bucket's, and by callers' own, which may be
/// threads of an async runtime. So an async client cannot just be waited for, as a runtime's `block_on` panics on its own
/// threads: hand the commands to a thread, or to a task of a runtime that has a thread of its own, and wait on a channel; or
/// take a client that blocks.
///
/// # Examples
///
/// The replies of a client, each as one of ours:
///
/// ```
/// use rate_limited::store::Failure;
/// use rate_limited::store::redis::{Command, RedisStore, Reply, Transport};
/// use std::time::Duration;
///
/// /// What the client that the program has makes of replies.
/// enum Value {
///     Nil,
///     Int(i64),
///     Status(String),
///     Data(Vec<u8>),
///     Array(Vec<Value>),
///     Error { code: String, detail: String },
/// }
///
/// fn reply(value: Value) -> Reply {
///     match value {
///         Value::Nil => Reply::Nil,
///         Value::Int(number) => Reply::Integer(number),
///         Value::Status(word) => Reply::Simple(word),
///         Value::Data(bytes) => Reply::Bytes(bytes),
///         Value::Array(values) => Reply::List(values.into_iter().map(reply).collect()),
///         Value::Error { code, detail } => Reply::Error(format!("{code} {detail}")),
///     }
/// }
///
/// # #[derive(Debug)]
/// # struct Client;
/// # impl Client {
/// #     fn pipeline(&self, _: Vec<Vec<Vec<u8>>>, _: Duration) -> Result<Vec<Value>, std::io::Error> {
/// #         Err(std::io::Error::other("no server is there"))
/// #     }
/// # }
/// #[derive(Debug)]
/// struct Ours(Client);
///
/// impl Transport for Ours {
///     fn send(&self, commands: &[Command], timeout: Duration) -> Vec<Result<Reply, Failure>> {
///         let words = |command: &Command| command.args().map(<[u8]>::to_vec).collect();
///         // All of them in one go, not one after the other.
///         match self.0.pipeline(commands.iter().map(words).collect(), timeout) {
///             Ok(values) => values.into_iter().map(|value| Ok(reply(value))).collect(),
///             // Whether they were played nobody knows.
///             Err(error) => vec![Err(Failure::new(error)); commands.len()],
///         }
///     }
/// }
///
/// let store = RedisStore::with_transport(Ours(Client));
/// ```
pub trait Transport: fmt::Debug + Send + Sync + 'static {
    /// Sends `commands`, and gives one reply to each, in their order; a [`Failure`] where there was none, and as long as
    /// nobody knows whether the command was played.
    fn send(&self, commands: &[Command], timeout: Duration) -> Vec<Result<Reply, Failure>>;
}

/// A command: its name and its arguments, as bytes.
///
/// # Examples
///
/// For a client that wants to own them:
///
/// ```
/// use rate_limited::store::redis::Command;
///
/// fn words(command: &Command) -> Vec<Vec<u8>> {
///     command.args().map(<[u8]>::to_vec).collect()
/// }
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Command {
    /// The name, and what comes before the keys.
    verb: Args,
    keys: Args,
    rest: Args,
}

impl Command {
    /// A script, by its hash or as its text, over these keys and with these further arguments.
    pub(super) fn script(verb: &str, script: &str, keys: Args, rest: Args) -> Self {
        let verb = Args::of(&[verb, script, itoa::Buffer::new().format(keys.len())]);
        Command { verb, keys, rest }
    }

    pub(super) fn new(words: &[&str]) -> Self {
        Command { verb: Args::of(words), keys: Args::default(), rest: Args::default() }
    }

    /// The same keys and further arguments, for another script or another form of it.
    pub(super) fn and_script(self, verb: &str, script: &str) -> Self {
        Command::script(verb, script, self.keys, self.rest)
    }

    /// The same with an argument more.
    #[cfg(test)]
    pub(super) fn and(mut self, arg: &[u8]) -> Self {
        self.rest.push(arg);
        self
    }

    /// The name, and the arguments in their order.
    #[must_use]
    pub fn args(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        let (verb, keys) = (self.verb.len(), self.keys.len());
        (0..verb + keys + self.rest.len()).map(move |index| {
            let of_keys = || self.keys.get(index.checked_sub(verb)?);
            let of_rest = || self.rest.get(index.checked_sub(verb + keys)?);
            self.verb.get(index).or_else(of_keys).or_else(of_rest).unwrap_or_default()
        })
    }

    /// The same without a list of them.
    pub(super) fn for_each_arg(&self, mut each: impl FnMut(&[u8])) {
        for list in [&self.verb, &self.keys, &self.rest] {
            let mut start = 0;
            for end in &list.ends {
                each(list.bytes.get(start..*end).unwrap_or_default());
                start = *end;
            }
        }
    }

    /// The first key that it is about: that of the node of a cluster which it has to be sent to. All its keys lie in one
    /// slot.
    #[must_use]
    pub fn key(&self) -> Option<&[u8]> {
        self.keys.get(0)
    }
}

/// As it would be typed, with all that is not text as `\x..`, cut off after some hundred bytes.
impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let args = self.args().map(|arg| arg.get(..100).unwrap_or(arg).escape_ascii().to_string());
        f.debug_list().entries(args).finish()
    }
}

/// A list of texts, one behind the other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Args {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Args {
    /// Room for as much as most need.
    pub(super) fn with_room() -> Self {
        Args { bytes: Vec::with_capacity(256), ends: Vec::with_capacity(8) }
    }

    fn of(words: &[&str]) -> Self {
        let len = words.iter().map(|word| word.len()).sum();
        let mut args = Args { bytes: Vec::with_capacity(len), ends: Vec::with_capacity(words.len()) };
        for word in words {
            args.push(word.as_bytes());
        }
        args
    }

    pub(super) fn push(&mut self, arg: &[u8]) {
        self.bytes.extend_from_slice(arg);
        self.ends.push(self.bytes.len());
    }

    /// An argument of several parts.
    pub(super) fn push_parts(&mut self, parts: &[&str]) {
        self.ends.push(self.bytes.len());
        self.extend(parts);
    }

    /// An argument of numbers of 8 bytes, as floats.
    pub(super) fn push_numbers<const N: usize>(&mut self, numbers: [i64; N]) {
        self.push(numbers.map(float).as_flattened());
    }

    /// More numbers for the last argument.
    pub(super) fn extend_by_numbers<const N: usize>(&mut self, numbers: [i64; N]) {
        self.extend_by(numbers.map(float).as_flattened());
    }

    /// More text for the last argument.
    pub(super) fn extend(&mut self, parts: &[&str]) {
        for part in parts {
            self.extend_by(part.as_bytes());
        }
    }

    /// More bytes for the last argument.
    pub(super) fn extend_by(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        if let Some(end) = self.ends.last_mut() {
            *end = self.bytes.len();
        }
    }

    /// Without what was pushed since there were so many.
    pub(super) fn truncate(&mut self, len: usize) {
        self.ends.truncate(len);
        self.bytes.truncate(self.ends.last().copied().unwrap_or(0));
    }

    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    fn get(&self, index: usize) -> Option<&[u8]> {
        let start = index.checked_sub(1).map_or(Some(&0), |before| self.ends.get(before))?;
        self.bytes.get(*start..*self.ends.get(index)?)
    }
}

/// What a server replied.
///
/// # Examples
///
/// ```
/// use rate_limited::store::redis::Reply;
///
/// fn of(value: Option<i64>) -> Reply {
///     value.map_or(Reply::Nil, Reply::Integer)
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reply {
    /// Nothing is there.
    Nil,
    /// A word, as in `OK`.
    Simple(String),
    /// A number.
    Integer(i64),
    /// Bytes.
    Bytes(Vec<u8>),
    /// Several replies.
    List(Vec<Reply>),
    /// An error, as the server wrote it, its code first: `READONLY You can't write against a read only replica.`
    Error(String),
}

impl Reply {
    /// What was expected, or what it is instead.
    pub(super) fn bytes(self) -> Result<Vec<u8>, Failure> {
        match self {
            Reply::Bytes(bytes) => Ok(bytes),
            other => Err(other.unexpected()),
        }
    }

    /// The failure that a reply is which makes no sense.
    pub(super) fn unexpected(&self) -> Failure {
        match self {
            Reply::Error(text) => trouble::refused(text),
            other => {
                let other: String = format!("{other:?}").chars().take(100).collect();
                Failure::strange(format!("the server replied what makes no sense: {other}"))
            }
        }
    }
}
