//! What each URL comes to.

use super::*;
use crate::ErrorKind;

fn why(url: &str) -> String {
    let error = info(url).map(|info| info.addr().to_string()).expect_err(url);
    assert_eq!(error.kind(), ErrorKind::Config);
    let said = error.to_string();
    said.strip_prefix("the URL of a Redis server ").expect(&said).to_owned()
}

#[test]
fn what_is_wrong_is_told_and_what_to_write() {
    const FORM: &str = "write it as in `redis://127.0.0.1:6379`";
    const NO_PORT: &str =
        "has a port that is none: write a number from 1 to 65535, as in `redis://127.0.0.1:6379`";
    const NO_DATABASE: &str =
        "has a database that is none: write a number from 0 up, as in `redis://127.0.0.1:6379/2`";
    const NO_SOCKET: &str = "names no socket: write its whole path, as in `unix:///run/redis.sock`";
    const SEVERAL: &str = "names several servers: of a cluster's nodes write each by itself, as in \
                           `RedisStore::cluster([\"redis://10.0.0.1:7000\", \"redis://10.0.0.2:7000\"])`";
    const SPECIAL: &str =
        "has a `/`, `?` or `#` in its user or password: write that as `%2F`, `%3F` or `%23`";
    const NO_PASSWORD: &str = "has a user without a password: write `redis://user:password@127.0.0.1:6379`, or \
                               `redis://:password@127.0.0.1:6379` for a password alone";
    let begins = |with| {
        format!(
            "begins with `{with}`: {FORM}, with `rediss` for TLS, or `unix:///run/redis.sock` for a socket"
        )
    };
    for (url, said) in [
        ("", &*format!("is empty: {FORM}")),
        (" \n", &format!("is empty: {FORM}")),
        ("localhost", "has no scheme: write `redis://localhost`"),
        ("localhost:6379", "has no scheme: write `redis://localhost:6379`"),
        ("10.0.0.1:6379\n", "has no scheme: write `redis://10.0.0.1:6379`"),
        ("/run/redis.sock", "has no scheme: write that of a socket as in `unix:///run/redis.sock`"),
        ("redis:h", &format!("has no scheme: {FORM}, or `redis://user:password@127.0.0.1:6379`")),
        ("http://127.0.0.1", &begins("http://")),
        ("amqp://u:p@h", &begins("amqp://")),
        (
            "redis-sentinel://h:26379/master",
            "is one of sentinels, which are not asked here: write that of the master, or give the store a client that \
             asks them, by `RedisStore::with_transport`",
        ),
        (
            "redis+cluster://h:7000",
            "is one of a cluster: write `RedisStore::cluster([\"redis://10.0.0.1:7000\"])`",
        ),
        ("redis://", &format!("names no host: {FORM}")),
        ("redis://:6379", &format!("names no host: {FORM}")),
        ("redis://u:p@/2", &format!("names no host: {FORM}")),
        (
            "redis://0.0.0.0:6379",
            "names `0.0.0.0`, where a server may listen but nobody can connect to: write its address, as in \
             `redis://127.0.0.1:6379`",
        ),
        ("redis://::1:6379", "has an IPv6 address without brackets: write it as in `redis://[::1]:6379`"),
        ("redis://h1:1,h2:2", SEVERAL),
        ("redis://h:99999", NO_PORT),
        ("redis://h:0", NO_PORT),
        ("redis://h:-1/2", NO_PORT),
        ("redis://h:abc", NO_PORT),
        ("redis://[::1]6379", NO_PORT),
        ("redis://h/-1", NO_DATABASE),
        ("redis://h/x", NO_DATABASE),
        ("redis://h/1/2", NO_DATABASE),
        ("redis://h/99999999999", NO_DATABASE),
        (
            "redis://h?db=2",
            "has a parameter `db`, which only a socket's has: write the database behind the host, as in \
             `redis://127.0.0.1:6379/2`",
        ),
        (
            "redis://h?pass=x",
            "has a parameter `pass`, which only a socket's has: write `redis://user:password@127.0.0.1:6379`",
        ),
        (
            "redis://h/0?timeout=5",
            "has a parameter `timeout`, which means nothing here: leave it out, and say it by `RedisStore::timeout`",
        ),
        (
            "redis://h?family=6",
            "has a parameter that means nothing here: leave it out; it may have `protocol`",
        ),
        ("redis://h?protocol=9", "has a `protocol` that is none: write `resp2` or `resp3`, or leave it out"),
        ("redis://h#2", "has a part behind `#`, which means nothing here: leave it out"),
        ("redis://secret@h", NO_PASSWORD),
        ("redis://user:@h", NO_PASSWORD),
        ("redis://user:se/cret@h", SPECIAL),
        ("redis://user:se#cret@h", SPECIAL),
        ("redis://:se?cret@h:99999", SPECIAL),
        ("unix://", NO_SOCKET),
        ("unix://run/redis.sock", NO_SOCKET),
        ("unix:///run/", NO_SOCKET),
        (
            "unix:///run/redis.sock?db=x",
            "has a database that is none: write a number from 0 up, as in `unix:///run/redis.sock?db=2`",
        ),
        (
            "unix:///run/redis.sock?password=x",
            "has a parameter that means nothing here: leave it out; it may have `db`, `user`, `pass`, `protocol`",
        ),
    ] {
        assert_eq!(why(url), said, "{url:?}");
    }
}

#[cfg(feature = "redis-tls")]
#[test]
fn certificates_are_looked_at() {
    let said = "asks by `#insecure` for TLS with any certificate, which is not done here: leave it out";
    assert_eq!(why("rediss://h#insecure"), said);
    assert_eq!(why("rediss://:secret@h:6380/2#insecure"), said);
}

#[cfg(not(feature = "redis-tls"))]
#[test]
fn without_the_feature_nothing_is_reached_by_tls() {
    let of = |scheme| {
        format!(
            "is one by TLS, for which `rate-limited` needs the feature `redis-tls`: add that in `Cargo.toml`, or write \
             `{scheme}://` for a server without TLS"
        )
    };
    assert_eq!(why("rediss://h"), of("redis"));
    assert_eq!(why("valkeys://h"), of("valkey"));
}

#[test]
fn what_is_right_is_read() {
    for (url, addr, database, user, password) in [
        ("redis://h", "h:6379", 0, None, None),
        (" redis://h:1/ \n", "h:1", 0, None, None),
        ("REDIS://h", "h:6379", 0, None, None),
        ("valkey://my_redis:7000/3", "my_redis:7000", 3, None, None),
        ("redis://[::1]:6380?protocol=resp3", "::1:6380", 0, None, None),
        ("redis://user:pa%2Fss@h/2", "h:6379", 2, Some("user"), Some("pa/ss")),
        ("redis://:pa:ss@h", "h:6379", 0, None, Some("pa:ss")),
        ("redis://:pa@ss@h", "h:6379", 0, None, Some("pa@ss")),
        ("unix:/run/redis.sock", "/run/redis.sock", 0, None, None),
        ("unix:///run/r.sock?db=2&user=u&pass=p%26q", "/run/r.sock", 2, Some("u"), Some("p&q")),
        ("redis+unix:///run/r.sock", "/run/r.sock", 0, None, None),
    ] {
        let info = info(url).expect(url);
        let settings = info.redis_settings();
        assert_eq!((info.addr().to_string(), settings.db()), (addr.to_owned(), database), "{url}");
        assert_eq!((settings.username(), settings.password()), (user, password), "{url}");
    }
}

/// Whatever is wrong with the rest of it.
#[test]
fn no_message_repeats_a_password() {
    const SECRETS: [&str; 5] = ["s3cret", "77777", "s3cret:77777", "s3c?ret77777", "77777/s3cret"];
    let mut wrong = 0;
    for secret in SECRETS {
        for url in [
            format!("redis://user:{secret}"),
            format!("redis://user:{secret}@"),
            format!("redis://user:{secret}@h:99999"),
            format!("redis://:{secret}@h/x"),
            format!("redis://{secret}@h"),
            format!("redis://h:{secret}"),
            format!("redis://h/{secret}"),
            format!("redis://h?pass={secret}"),
            format!("redis://h?password={secret}"),
            format!("redis://h?{secret}"),
            format!("http://user:{secret}@h"),
            format!("user:{secret}@h:6379"),
            format!("redis//:{secret}@h"),
            format!(":{secret}@h"),
            format!("unix://run/redis.sock?pass={secret}"),
            format!("unix:///run/redis.sock?pass={secret}&db=x"),
            format!("unix:///run/redis.sock?{secret}"),
        ] {
            let Err(error) = info(&url) else { continue };
            wrong += 1;
            for said in [error.to_string(), format!("{error:?}")] {
                assert!(!said.contains("s3c") && !said.contains("7777"), "{url} {said}");
            }
        }
    }
    assert!(wrong > 70, "{wrong} of 85 are wrong");
}
