//! What a user is told whose server is wrong, or is none: word by word.

use std::error::Error as _;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

use super::machine::in_real_time;
use super::*;
use crate::{Bucket, ErrorKind, Rate};

const NOT_LET_IN: &str = "the user or the password in its URL is another one there (of a server without users it is \
                          `redis://:password@host`, of one without passwords `redis://host`), or it has as many \
                          clients as it may (`maxclients`), or serves its own machine alone (`protected-mode`)";
const DATABASE: &str = "its user needs `+select`, as its URL names a database";

/// What a first call says, and its cause, with `%` in place of the server's address.
fn told_of(url: &str) -> (String, String) {
    let store = RedisStore::connect(url).unwrap().timeout(Duration::from_secs(10));
    let error = Bucket::named("api", Rate::per_second(10)).store(store).try_acquire().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Store);
    let all = format!("{error:#}");
    assert!(!all.contains('\n') && !all.contains("secret"), "{all}");
    let behind = url.split_once("://").unwrap().1;
    let address = behind.rsplit('@').next().unwrap().split('/').find(|part| !part.is_empty()).unwrap();
    let said = error.to_string();
    let said = said.strip_prefix("bucket `api` is kept in a store that ").unwrap();
    (said.to_owned(), error.source().unwrap().to_string().replace(address, "%"))
}

/// What replies the same to whatever is asked, or closes each connection at once where that is nothing.
fn always(reply: &'static [u8]) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for mut connection in listener.incoming().flatten() {
            thread::spawn(move || {
                let mut bytes = vec![0; 1 << 16];
                while !reply.is_empty() && connection.read(&mut bytes).is_ok_and(|read| read > 0) {
                    let _ = connection.write_all(reply);
                }
            });
        }
    });
    port
}

#[test]
fn what_is_no_redis_server_is_called_so() {
    in_real_time(|| {
        let other = "it seems to be no Redis server: look at host and port in its URL";
        for (reply, advice) in [
            (
                &b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"[..],
                "it seems to be an HTTP server: look at host and port in its URL",
            ),
            (
                b"\x15\x03\x01\x00\x02\x02\x46",
                "it seems to be one that speaks TLS: write `rediss://` in its URL",
            ),
            (b"SSH-2.0-OpenSSH_9.6\r\n", other),
            (b"J\0\0\0\x0a8.0.36\0", other),
        ] {
            let port = always(reply);
            let told = (
                format!("does not answer as it should: {advice}"),
                "redis at %: what answers is not Redis' protocol".to_owned(),
            );
            assert_eq!(told_of(&format!("redis://127.0.0.1:{port}")), told);
            assert_eq!(told_of(&format!("redis://:secret@127.0.0.1:{port}")), told);
        }
        let port = always(b"+OK\r\n");
        assert_eq!(
            told_of(&format!("redis://127.0.0.1:{port}")),
            (
                "does not answer as it should".into(),
                "the server replied what makes no sense: Simple(\"OK\")".into()
            )
        );
    });
}

#[test]
fn what_closes_at_once_may_be_anything() {
    let port = always(b"");
    for (user, what) in [("", "the connection was lost: "), (":secret@", "")] {
        let (said, cause) = told_of(&format!("redis://{user}127.0.0.1:{port}"));
        assert_eq!(
            said,
            "does not answer: it was closed before any reply, as by what is no Redis server, or one by TLS \
             (`rediss://` in its URL)"
        );
        assert!(cause.starts_with(&format!("redis at %: {what}")), "{cause}");
    }
}

#[test]
fn where_nobody_is_there_it_does_not_answer() {
    in_real_time(|| {
        let advice = "does not answer: look whether it runs, and where its URL says that it is";
        let (said, cause) = told_of("redis://127.0.0.1:1");
        assert_eq!((&*said, &*cause), (advice, "redis at %: Connection refused (os error 111)"));
        let (said, cause) = told_of("unix:///not/there.sock");
        assert_eq!(
            (&*said, &*cause),
            (advice, "redis at /%/there.sock: No such file or directory (os error 2)")
        );
        // Longer than names may be, so that nobody is asked for it.
        let (said, cause) = told_of(&format!("redis://{}.invalid", "x".repeat(64)));
        assert_eq!(said, "does not answer: look at the host in its URL", "{cause}");
    });
}

/// Also a handshake that is not answered is a server that was not reached.
#[test]
fn who_says_nothing_was_not_reached() {
    in_real_time(|| {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        for (user, told) in [
            ("", format!("redis at {address}: the server did not answer within 50ms")),
            (
                ":secret@",
                format!(
                    "give it longer by `RedisStore::timeout` if it is far away: redis at {address}: the server was not \
                 reached within 50ms"
                ),
            ),
        ] {
            let store = RedisStore::connect(&format!("redis://{user}{address}")).unwrap();
            let store = store.timeout(Duration::from_millis(50));
            let bucket = Bucket::named("api", Rate::per_second(10)).store(store);
            let said = format!("{:#}", bucket.try_acquire().unwrap_err());
            assert_eq!(said, format!("bucket `api` is kept in a store that does not answer: {told}"));
        }
    });
}

#[test]
fn what_a_server_refuses_comes_with_what_would_help() {
    const RIGHTS: &str = "its user needs `~rl:v1:* +eval +evalsha +time +get +set +getrange +setrange +pexpireat`, in a \
                          cluster also `+cluster|slots +asking`";
    const NEWER: &str = "it has to be Redis 7 or newer, or Valkey, which plays scripts";
    const MASTER: &str = "it is a replica, which takes no writes: write its master's URL";
    for (reply, advice, cause) in [
        (
            &b"-NOAUTH Authentication required.\r\n"[..],
            "write user and password in its URL, as in `redis://user:password@host`, or `redis://:password@host`",
            "NOAUTH Authentication required",
        ),
        (
            b"-LOADING Redis is loading the dataset in memory\r\n",
            "it still reads its data, and answers once it has",
            "LOADING Redis is loading the dataset in memory",
        ),
        (
            b"-READONLY You can't write against a read only replica. script: 6aa, on @user_script:269.\r\n",
            MASTER,
            "READONLY You can't write against a read only replica",
        ),
        (
            b"-MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.\r\n",
            MASTER,
            "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'",
        ),
        (
            b"-OOM command not allowed when used memory > 'maxmemory'. script: 6aa, on @user_script:269.\r\n",
            "its memory is full: raise its `maxmemory`",
            "OOM command not allowed when used memory > 'maxmemory'",
        ),
        (
            b"-MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. \
              Commands that may modify the data set are disabled.\r\n",
            "it cannot write its data to its disk: its log says why",
            "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk",
        ),
        (
            b"-NOREPLICAS Not enough good replicas to write.\r\n",
            "it has fewer replicas than its `min-replicas-to-write` asks for",
            "NOREPLICAS Not enough good replicas to write",
        ),
        (
            b"-DENIED Redis is running in protected mode because protected mode is enabled and no password is set. In \
              this mode connections are only accepted from the loopback interface.\r\n",
            "it serves its own machine alone until a password is set there (`protected-mode`)",
            "DENIED Redis is running in protected mode because protected mode is enabled and no password is set",
        ),
        (
            b"-MOVED 3999 127.0.0.1:6381\r\n",
            "it is a node of a cluster: connect by `RedisStore::cluster`",
            "MOVED 3999 127.0.0.1:6381",
        ),
        (
            b"-CLUSTERDOWN Hash slot not served\r\n",
            "its cluster is not whole: `CLUSTER INFO` says more",
            "CLUSTERDOWN Hash slot not served",
        ),
        (
            b"-BUSY Redis is busy running a script. You can only call SCRIPT KILL.\r\n",
            "somebody else's script holds it up",
            "BUSY Redis is busy running a script",
        ),
        (
            b"-NOPERM this user has no permissions to run the 'evalsha' command\r\n",
            RIGHTS,
            "NOPERM this user has no permissions to run the 'evalsha' command",
        ),
        (
            b"-ERR The user executing the script can't run this command or subcommand script: 6aa, on \
              @user_script:254.\r\n",
            RIGHTS,
            "ERR The user executing the script can't run this command or subcommand",
        ),
        // As Redis 7.2 has it.
        (
            b"-ERR ACL failure in script: User limiter has no permissions to run the 'time' command script: 6aa, on \
              @user_script:254.\r\n",
            RIGHTS,
            "ERR ACL failure in script: User limiter has no permissions to run the 'time' command",
        ),
        // No key stands in what is told to others.
        (
            b"-ERR unknown command 'EVALSHA', with args beginning with: '6aa' '1' 'rl:v1:{default:api}:ann'\r\n",
            NEWER,
            "ERR unknown command 'EVALSHA'",
        ),
        (
            b"-ERR Write commands not allowed after non deterministic commands\r\n",
            NEWER,
            "ERR Write commands not allowed after non deterministic commands",
        ),
        (
            b"-ERR max number of clients reached\r\n",
            "it has as many clients as it may: raise its `maxclients`",
            "ERR max number of clients reached",
        ),
    ] {
        let (said, source) = told_of(&format!("redis://127.0.0.1:{}", always(reply)));
        assert_eq!((said, source), (format!("refuses calls: {advice}"), format!("the server refused: {cause}")));
    }
    let (said, source) = told_of(&format!("redis://127.0.0.1:{}", always(b"-ERR something else\r\n")));
    assert_eq!((&*said, &*source), ("refuses calls", "the server refused: ERR something else"));
}

/// To `AUTH` and `SELECT`, before anything else is asked: the client tells nothing of a refused `AUTH` but that.
#[test]
fn what_refuses_everybody_is_no_wrong_password_nor_database() {
    const FULL: &str = "it has as many clients as it may: raise its `maxclients`";
    const ALONE: &str = "it serves its own machine alone until a password is set there (`protected-mode`)";
    let protected =
        "Redis is running in protected mode because protected mode is enabled and no password is set";
    let denied = format!("-DENIED {protected}. In this mode you can: 1) Just set a password.\r\n");
    for (reply, code, why, advice) in [
        ("-ERR max number of clients reached\r\n", "ERR", "max number of clients reached", FULL),
        (denied.leak(), "DENIED", protected, ALONE),
    ] {
        let at = format!("127.0.0.1:{}", always(reply.as_bytes()));
        let refused = |advice: &str, cause: String| (format!("refuses calls: {advice}"), cause);
        let said = format!("the server refused: {code} {why}");
        assert_eq!(told_of(&format!("redis://{at}")), refused(advice, said.clone()));
        assert_eq!(told_of(&format!("redis://{at}/?protocol=resp3")), refused(advice, said));
        assert_eq!(
            told_of(&format!("redis://{at}/2")),
            refused(advice, format!("redis at %: it refused the connection: {why}"))
        );
        assert_eq!(
            told_of(&format!("redis://:secret@{at}")),
            refused(NOT_LET_IN, "redis at %: it refused `AUTH`".into())
        );
    }
    let at = format!("127.0.0.1:{}", always(b"-ERR something else\r\n"));
    assert_eq!(
        told_of(&format!("redis://{at}/2")),
        (
            "refuses calls: its URL names that behind the host, and may leave it out".into(),
            "redis at %: it refused the database: something else".into()
        )
    );
}

/// The same by a server itself, whose words these are.
#[test]
fn a_server_refuses_who_has_not_the_right() {
    const RESP3: &str = "/?protocol=resp3";
    let Some(server) = RedisServer::start() else { return };
    for user in
        ["keys on >secret ~x:* +@all", "words on >secret ~rl:v1:* +get", "limiter on >secret ~rl:v1:*"]
    {
        server.run::<String>(&format!("ACL SETUSER {user}"));
    }
    let needs = "-@all +eval +evalsha +time +get +set +getrange +setrange +pexpireat";
    server.run::<String>(&format!("ACL SETUSER limiter {needs}"));
    let told =
        |user: &str, behind: &str| told_of(&format!("redis://{user}127.0.0.1:{}{behind}", server.port()));
    for user in ["keys:secret@", "words:secret@"] {
        let (said, cause) = told(user, "");
        assert!(said.starts_with("refuses calls: its user needs `~rl:v1:* +eval "), "{said}");
        assert!(cause.starts_with("the server refused: NOPERM "), "{cause}");
        assert!(needs.contains(said.split('*').nth(1).unwrap().split('`').next().unwrap()), "{said}");
    }
    let of_database = |why: &str| format!("redis at %: it refused the database: {why}");
    assert_eq!(
        told("limiter:secret@", "/3"),
        (
            format!("refuses calls: {DATABASE}"),
            of_database("this user has no permissions to run the 'select' command")
        )
    );
    let too_high = "it has no database of the number behind the host in its URL: write a smaller one";
    assert_eq!(
        told("", "/99"),
        (format!("refuses calls: {too_high}"), of_database("DB index is out of range"))
    );
    let other = "the user or the password in its URL is another one there; of a server without users it is \
                 `redis://:password@host`, of one without passwords `redis://host`";
    for user in ["limiter:secreter@", "nobody:secret@", ":secret@"] {
        assert_eq!(
            told(user, ""),
            (format!("refuses calls: {NOT_LET_IN}"), "redis at %: it refused `AUTH`".into())
        );
    }
    // There a server without passwords takes any for its first user.
    for user in ["limiter:secreter@", "nobody:secret@"] {
        let (said, cause) = told(user, RESP3);
        assert_eq!(said, format!("refuses calls: {other}"));
        assert!(cause.starts_with("the server refused: WRONGPASS invalid username-password pair"), "{cause}");
    }
    let cluster = RedisStore::cluster([server.url()]).unwrap();
    let error = Bucket::named("api", Rate::per_second(10)).store(cluster).try_acquire().unwrap_err();
    assert_eq!(
        format!("{error:#}"),
        "bucket `api` is kept in a store that refuses calls: it is a server by itself, in no cluster: connect by \
         `RedisStore::connect`: the server refused: ERR This instance has cluster support disabled"
    );
    server.run::<i64>("RPUSH rl:v1:{default:api} x");
    let (said, cause) = told("", "");
    assert_eq!(
        said,
        "cannot answer this call: somebody else keeps that key: choose another `RedisStore::namespace`"
    );
    assert!(cause.contains("WRONGTYPE Operation against a key holding the wrong kind of value"), "{cause}");
    server.run::<String>("CONFIG SET requirepass secret");
    let (said, cause) = told("", "");
    assert_eq!(cause, "the server refused: NOAUTH Authentication required");
    assert!(said.starts_with("refuses calls: write user and password in its URL"), "{said}");
    let (said, cause) = told("", RESP3);
    assert!(cause.starts_with("the server refused: NOAUTH HELLO must be called with"), "{cause}");
    assert!(said.starts_with("refuses calls: write user and password in its URL"), "{said}");
    let by_resp3 = format!("redis://:secret@127.0.0.1:{}{RESP3}", server.port());
    let store = RedisStore::connect(&by_resp3).unwrap().timeout(Duration::from_secs(5));
    let bucket = Bucket::named("other", Rate::per_hour(1)).store(store);
    drop(bucket.try_acquire().unwrap());
    assert_eq!(bucket.try_acquire().unwrap_err().kind(), ErrorKind::Limited);
    assert!(told("", "/1").0.starts_with("refuses calls: write user and password in its URL"));
    assert!(RedisStore::connect(&format!("redis://:secret@127.0.0.1:{}", server.port())).is_ok());
}

#[test]
fn without_any_time_no_bucket_can_be() {
    let store = RedisStore::connect("redis://127.0.0.1:1").unwrap().timeout(Duration::ZERO);
    let error = Bucket::named("api", Rate::per_second(10)).store(store).try_acquire().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert_eq!(
        error.to_string(),
        "bucket `api` cannot be: its store is given no time to answer; say `.timeout(..)` above zero, or leave it out for \
         250 ms"
    );
}
