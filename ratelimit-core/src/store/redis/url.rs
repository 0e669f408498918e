//! URLs of servers: what one says, or what to write in its place.
//!
//! No message repeats what may be a password, and where a URL is wrong nearly everything may be one. What is repeated is a
//! scheme, the name of a parameter that is known, an address that nobody can connect to, and what is given in place of a URL
//! and can only be a host, with or without a port: a bare word. Such a word may be a password too, if that is all that is given.

use ::redis::{ConnectionInfo, IntoConnectionInfo};

use crate::error::Error;

/// Why a URL is none, and what to write.
type Wrong = String;

/// The server that a URL tells.
pub(super) fn info(url: &str) -> Result<ConnectionInfo, Error> {
    let url = url.trim();
    let wrong = |why: Wrong| Error::config(format!("the URL of a Redis server {why}"));
    readable(url).map_err(wrong)?;
    let info = url
        .into_connection_info()
        .map_err(|_| wrong("cannot be read: write it as in `redis://127.0.0.1:6379`".to_owned()))?;
    // One command less to connect with, and one right less to need. What is small is sent at once.
    let (redis, tcp) = (info.redis_settings().clone(), info.tcp_settings().clone());
    Ok(info.set_redis_settings(redis.set_skip_set_lib_name()).set_tcp_settings(tcp.set_nodelay(true)))
}

/// Whether the client reads of it what it says.
fn readable(url: &str) -> Result<(), Wrong> {
    if url.is_empty() {
        return Err("is empty: write it as in `redis://127.0.0.1:6379`".to_owned());
    }
    let (scheme, rest) = url.split_once("://").or_else(|| socket(url)).ok_or_else(|| no_scheme(url))?;
    match &*scheme.to_ascii_lowercase() {
        "redis" | "valkey" => tcp(rest, false),
        "rediss" | "valkeys" if cfg!(not(feature = "redis-tls")) => Err(format!(
            "is one by TLS, for which `rate-limited` needs the feature `redis-tls`: add that in `Cargo.toml`, or write \
             `{}://` for a server without TLS",
            scheme.strip_suffix(['s', 'S']).unwrap_or(scheme)
        )),
        "rediss" | "valkeys" => tcp(rest, true),
        "unix" | "redis+unix" | "valkey+unix" => unix(rest),
        known if known.contains("sentinel") => {
            Err("is one of sentinels, which are not asked here: write that of the \
            master, or give the store a client that asks them, by `RedisStore::with_transport`"
                .to_owned())
        }
        known if known.contains("cluster") => {
            Err("is one of a cluster: write `RedisStore::cluster([\"redis://10.0.0.1:7000\"])`".to_owned())
        }
        _ => {
            let is_plain = scheme.chars().all(|char| char.is_ascii_alphanumeric() || "+-.".contains(char));
            let what =
                if is_plain { format!("begins with `{scheme}://`") } else { "has no scheme".to_owned() };
            Err(format!(
                "{what}: write it as in `redis://127.0.0.1:6379`, with `rediss` for TLS, or \
                 `unix:///run/redis.sock` for a socket"
            ))
        }
    }
}

/// `unix:/path` is as good as `unix:///path`.
fn socket(url: &str) -> Option<(&str, &str)> {
    url.split_once(':').filter(|(scheme, path)| scheme.ends_with("unix") && path.starts_with('/'))
}

fn no_scheme(url: &str) -> Wrong {
    let host = |text: &str| {
        !text.is_empty() && text.chars().all(|char| char.is_ascii_alphanumeric() || ".-_".contains(char))
    };
    let is_server = match url.split_once(':') {
        Some((name, port)) => host(name) && is_port(port),
        None => host(url),
    };
    if is_server {
        format!("has no scheme: write `redis://{url}`")
    } else if url.starts_with('/') {
        "has no scheme: write that of a socket as in `unix:///run/redis.sock`".to_owned()
    } else {
        "has no scheme: write it as in `redis://127.0.0.1:6379`, or `redis://user:password@127.0.0.1:6379`"
            .to_owned()
    }
}

fn is_port(text: &str) -> bool {
    text.parse::<u16>().is_ok_and(|port| port != 0)
}

/// What stands behind `redis://`.
fn tcp(rest: &str, is_tls: bool) -> Result<(), Wrong> {
    let (authority, behind) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    if behind.contains('@') {
        return Err(
            "has a `/`, `?` or `#` in its user or password: write that as `%2F`, `%3F` or `%23`".to_owned()
        );
    }
    let (user, server) = authority.rsplit_once('@').unwrap_or(("", authority));
    if !user.is_empty() && user.split_once(':').is_none_or(|(_, password)| password.is_empty()) {
        return Err("has a user without a password: write `redis://user:password@127.0.0.1:6379`, or \
            `redis://:password@127.0.0.1:6379` for a password alone"
            .to_owned());
    }
    host(server)?;
    let (behind, fragment) = behind.split_once('#').unwrap_or((behind, ""));
    if is_tls && fragment == "insecure" {
        // The client would take it, and fail as it connects, since it is built without that.
        return Err("asks by `#insecure` for TLS with any certificate, which is not done here: leave it out"
            .to_owned());
    }
    if !fragment.is_empty() {
        return Err("has a part behind `#`, which means nothing here: leave it out".to_owned());
    }
    let (path, query) = behind.split_once('?').unwrap_or((behind, ""));
    let database = path.trim_matches('/');
    if !database.is_empty() && !is_database(database) {
        return Err(
            "has a database that is none: write a number from 0 up, as in `redis://127.0.0.1:6379/2`"
                .to_owned(),
        );
    }
    parameters(query, &["protocol"])
}

/// A host, and a port if there is one.
fn host(server: &str) -> Result<(), Wrong> {
    if server.contains(',') {
        return Err("names several servers: of a cluster's nodes write each by itself, as in \
            `RedisStore::cluster([\"redis://10.0.0.1:7000\", \"redis://10.0.0.2:7000\"])`"
            .to_owned());
    }
    let (name, port) = match server.rfind(']') {
        Some(end) => server.split_at(end + 1),
        None if server.matches(':').count() > 1 => {
            return Err(
                "has an IPv6 address without brackets: write it as in `redis://[::1]:6379`".to_owned()
            );
        }
        None => server.split_at(server.find(':').unwrap_or(server.len())),
    };
    if name.is_empty() {
        return Err("names no host: write it as in `redis://127.0.0.1:6379`".to_owned());
    }
    if matches!(name, "0.0.0.0" | "[::]") {
        return Err(format!(
            "names `{name}`, where a server may listen but nobody can connect to: write its address, as in \
             `redis://127.0.0.1:6379`"
        ));
    }
    if !matches!(port, "" | ":") && !port.strip_prefix(':').is_some_and(is_port) {
        return Err(
            "has a port that is none: write a number from 1 to 65535, as in `redis://127.0.0.1:6379`"
                .to_owned(),
        );
    }
    Ok(())
}

/// What stands behind `unix://`.
fn unix(rest: &str) -> Result<(), Wrong> {
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    if !path.starts_with('/') || path.ends_with('/') {
        return Err("names no socket: write its whole path, as in `unix:///run/redis.sock`".to_owned());
    }
    parameters(query, &["db", "user", "pass", "protocol"])
}

fn is_database(text: &str) -> bool {
    // Redis counts them by an `int`.
    text.parse::<i32>().is_ok_and(|database| database >= 0)
}

/// What stands behind `?`.
fn parameters(query: &str, known: &[&str]) -> Result<(), Wrong> {
    for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        match name {
            "db" if !known.contains(&"db") => {
                return Err("has a parameter `db`, which only a socket's has: write the database behind the host, as in \
                    `redis://127.0.0.1:6379/2`"
                    .to_owned());
            }
            "user" | "pass" if !known.contains(&"user") => {
                return Err(format!(
                    "has a parameter `{name}`, which only a socket's has: write \
                     `redis://user:password@127.0.0.1:6379`"
                ));
            }
            "db" if !is_database(value) => {
                return Err("has a database that is none: write a number from 0 up, as in \
                    `unix:///run/redis.sock?db=2`"
                    .to_owned());
            }
            "protocol" if !matches!(value, "2" | "3" | "resp2" | "resp3") => {
                return Err(
                    "has a `protocol` that is none: write `resp2` or `resp3`, or leave it out".to_owned()
                );
            }
            "timeout" => {
                return Err(
                    "has a parameter `timeout`, which means nothing here: leave it out, and say it by \
                    `RedisStore::timeout`"
                        .to_owned(),
                );
            }
            name if known.contains(&name) => {}
            _ => {
                return Err(format!(
                    "has a parameter that means nothing here: leave it out; it may have {}",
                    any_of(known)
                ));
            }
        }
    }
    Ok(())
}

fn any_of(known: &[&str]) -> String {
    known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
