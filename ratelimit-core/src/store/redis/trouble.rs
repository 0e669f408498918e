//! What servers and connections fail with, in one line each, and what would help.

use std::fmt;

use redis::{ErrorKind, RedisError};

use crate::store::Failure;

const PASSWORD: &str =
    "write user and password in its URL, as in `redis://user:password@host`, or `redis://:password@host`";
const NOT_ACCEPTED: &str = "the user or the password in its URL is another one there; of a server without users it is \
                            `redis://:password@host`, of one without passwords `redis://host`";
// The client drops what the server says to `AUTH`.
const NOT_LET_IN: &str = "the user or the password in its URL is another one there (of a server without users it is \
                          `redis://:password@host`, of one without passwords `redis://host`), or it has as many \
                          clients as it may (`maxclients`), or serves its own machine alone (`protected-mode`)";
const FULL: &str = "it has as many clients as it may: raise its `maxclients`";
const ALONE: &str = "it serves its own machine alone until a password is set there (`protected-mode`)";
const RIGHTS: &str = "its user needs `~rl:v1:* +eval +evalsha +time +get +set +getrange +setrange +pexpireat`, in a cluster \
                      also `+cluster|slots +asking`";
const NEWER: &str = "it has to be Redis 7 or newer, or Valkey, which plays scripts";
const MASTER: &str = "it is a replica, which takes no writes: write its master's URL";

const CLOSED: &str =
    "it was closed before any reply, as by what is no Redis server, or one by TLS (`rediss://` in its URL)";

/// What a server refuses, by the error that it replied, its code first.
pub(super) fn refused(text: &str) -> Failure {
    let line = text.lines().next().unwrap_or_default();
    let has = |part: &str| line.contains(part);
    let advice = match line.split(' ').next().unwrap_or_default() {
        "NOAUTH" => PASSWORD,
        "WRONGPASS" => NOT_ACCEPTED,
        "NOPERM" => RIGHTS,
        "LOADING" => "it still reads its data, and answers once it has",
        "READONLY" | "MASTERDOWN" => MASTER,
        "OOM" => "its memory is full: raise its `maxmemory`",
        "MISCONF" => "it cannot write its data to its disk: its log says why",
        "NOREPLICAS" => "it has fewer replicas than its `min-replicas-to-write` asks for",
        "DENIED" => ALONE,
        "MOVED" | "ASK" | "CROSSSLOT" => "it is a node of a cluster: connect by `RedisStore::cluster`",
        "CLUSTERDOWN" => "its cluster is not whole: `CLUSTER INFO` says more",
        "BUSY" => "somebody else's script holds it up",
        _ if has("WRONGTYPE") => {
            let failure = Failure::of_state(format!("the server refused: {}", sentence(line)));
            return failure.advise("somebody else keeps that key: choose another `RedisStore::namespace`");
        }
        _ if has("can't run this command") || has("ACL failure") => RIGHTS,
        _ if has("nknown command") || has("compiling script") || has("non deterministic") => NEWER,
        _ if has("cluster support disabled") => {
            "it is a server by itself, in no cluster: connect by `RedisStore::connect`"
        }
        _ if has("number of clients") => FULL,
        _ => {
            let said: String = line.chars().take(200).collect();
            return Failure::refused(format!("the server refused: {said}"));
        }
    };
    Failure::refused(format!("the server refused: {}", sentence(line))).advise(advice)
}

/// Without what a server adds: long explanations, where in a script it was, and what it was asked, in which keys stand.
fn sentence(line: &str) -> &str {
    let place = line.rfind(" script: ").filter(|_| line.contains(", on @user_script"));
    let ends = [". ", ", with args"].into_iter().filter_map(|end| line.find(end)).chain(place);
    line.get(..ends.min().unwrap_or(line.len())).unwrap_or(line).trim_end_matches('.')
}

/// Why there is no connection to the server at `place`.
pub(super) fn not_connected(place: &dyn fmt::Display, error: &RedisError) -> Failure {
    if let Some(failure) = strange(place, error) {
        return failure;
    }
    match error.kind() {
        ErrorKind::AuthenticationFailed => {
            return Failure::refused(format!("redis at {place}: it refused `AUTH`")).advise(NOT_LET_IN);
        }
        // By a server that is too old for the protocol that the URL names.
        ErrorKind::RESP3NotSupported => return refused("ERR unknown command `HELLO`"),
        _ => {}
    }
    let said = one_line(error);
    if said.contains("refused to switch database") {
        return no_database(place, error.detail().unwrap_or_default());
    }
    // With the protocol that came later all is told by one `HELLO`, to which the reply is left as it is.
    if let (Some(code), Some(detail)) = (error.code(), error.detail()) {
        return refused(&format!("{code} {detail}"));
    }
    let failure = Failure::new(format!("redis at {place}: {said}"));
    match tls(&said).or_else(|| absent(&said, error)) {
        Some(advice) => failure.advise(advice),
        None => failure,
    }
}

/// Where the server at `place` replied that to `SELECT`, without the code.
fn no_database(place: &dyn fmt::Display, why: &str) -> Failure {
    let has = |part: &str| why.contains(part);
    let (what, advice) = match () {
        () if has("number of clients") => ("connection", FULL),
        () if has("protected mode") => ("connection", ALONE),
        () if has("uthentication required") => ("database", PASSWORD),
        () if has("permissions") => ("database", "its user needs `+select`, as its URL names a database"),
        () if has("out of range") => {
            ("database", "it has no database of the number behind the host in its URL: write a smaller one")
        }
        () if has("cluster mode") => {
            ("database", "a cluster has database 0 alone: leave the number in its URL out")
        }
        () => ("database", "its URL names that behind the host, and may leave it out"),
    };
    let why = why.lines().next().unwrap_or_default();
    Failure::refused(format!("redis at {place}: it refused the {what}: {}", sentence(why))).advise(advice)
}

/// What became of a connection to the server at `place` that was made; `is_new` = nothing was replied by it yet.
pub(super) fn lost(place: &dyn fmt::Display, error: &RedisError, is_new: bool) -> Failure {
    if let Some(failure) = strange(place, error) {
        return failure;
    }
    let said = one_line(error);
    let failure = Failure::new(format!("redis at {place}: the connection was lost: {said}"));
    match tls(&said) {
        Some(advice) => failure.advise(advice),
        None if is_new => failure.advise(CLOSED),
        None => failure,
    }
}

/// Where a connection took too long.
pub(super) const FAR: &str = "give it longer by `RedisStore::timeout` if it is far away";

/// Where a server by TLS says nothing to a new connection: one without takes a handshake for words that go on.
pub(super) const SILENT: &str =
    "one without TLS says nothing to `rediss://`: write `redis://` in its URL for that";

/// Where what answers does not speak Redis' protocol.
fn strange(place: &dyn fmt::Display, error: &RedisError) -> Option<Failure> {
    if error.kind() != ErrorKind::Parse {
        return None;
    }
    // The client tells no more of the reply than the bytes that cannot stand there, the first one last.
    let said = error.to_string();
    let first = said.rsplit("Unexpected `").next().and_then(|rest| rest.split('`').next());
    let advice = match first.and_then(|byte| byte.parse::<u8>().ok()) {
        Some(b'H') => "it seems to be an HTTP server: look at host and port in its URL",
        // A TLS alert.
        Some(21) => "it seems to be one that speaks TLS: write `rediss://` in its URL",
        _ => "it seems to be no Redis server: look at host and port in its URL",
    };
    Some(Failure::strange(format!("redis at {place}: what answers is not Redis' protocol")).advise(advice))
}

/// Where nobody is there, or nobody who stays.
fn absent(said: &str, error: &RedisError) -> Option<&'static str> {
    if said.contains("lookup address") {
        return Some("look at the host in its URL");
    }
    if error.is_connection_refusal() {
        return Some("look whether it runs, and where its URL says that it is");
    }
    error.is_connection_dropped().then_some(CLOSED)
}

/// What would help against that end of a handshake.
fn tls(said: &str) -> Option<&'static str> {
    if said.contains("InvalidContentType") {
        return Some("what answers there does not speak TLS, as it seems: write `redis://` in its URL");
    }
    if said.contains("invalid peer certificate") {
        return Some("the system does not trust its certificate, or not for that name");
    }
    None
}

fn one_line(error: &RedisError) -> String {
    let said = error.to_string();
    said.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ")
}
