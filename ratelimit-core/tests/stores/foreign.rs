//! A client of somebody else's, to whom the store is given by a transport: by the standard library alone.

#![expect(clippy::disallowed_methods, reason = "it waits for a server in real time")]

use std::io::{BufRead, BufReader, Error, ErrorKind, Read, Result as Done, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ratelimit_core::store::redis::{Command, Reply, Transport};
use ratelimit_core::store::{Ask, Failure, RedisStore, Store};
use ratelimit_core::{Bucket, Rate};

use crate::redis_server::RedisServer;

/// What the client makes of replies.
enum Value {
    Nil,
    Int(i64),
    Status(String),
    Data(Vec<u8>),
    Array(Vec<Value>),
    Error(String),
}

/// What it has of them to the store.
fn reply(value: Value) -> Reply {
    match value {
        Value::Nil => Reply::Nil,
        Value::Int(number) => Reply::Integer(number),
        Value::Status(word) => Reply::Simple(word),
        Value::Data(bytes) => Reply::Bytes(bytes),
        Value::Array(values) => Reply::List(values.into_iter().map(reply).collect()),
        Value::Error(text) => Reply::Error(text),
    }
}

type Connection = BufReader<TcpStream>;

#[derive(Debug)]
pub(crate) struct Client {
    server: SocketAddr,
    idle: Mutex<Vec<Connection>>,
}

impl Client {
    pub(crate) fn of(server: &RedisServer) -> Self {
        Client { server: SocketAddr::from(([127, 0, 0, 1], server.port())), idle: Mutex::default() }
    }

    /// Until then, and not one of the system's calls longer than is left.
    fn limit(connection: &Connection, until: Instant) -> Done<()> {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(ErrorKind::TimedOut.into());
        }
        connection.get_ref().set_read_timeout(Some(left))?;
        connection.get_ref().set_write_timeout(Some(left))
    }

    fn exchange(&self, commands: &[Command], timeout: Duration, replies: &mut Vec<Reply>) -> Done<()> {
        let until = Instant::now() + timeout;
        let idle = self.idle.lock().expect("nobody panics under it").pop();
        let mut connection = match idle {
            Some(connection) => connection,
            None => BufReader::new(TcpStream::connect_timeout(
                &self.server,
                timeout.max(Duration::from_nanos(1)),
            )?),
        };
        let mut bytes = Vec::new();
        for command in commands {
            write!(bytes, "*{}\r\n", command.args().len())?;
            for arg in command.args() {
                write!(bytes, "${}\r\n", arg.len())?;
                bytes.extend_from_slice(arg);
                bytes.extend_from_slice(b"\r\n");
            }
        }
        Client::limit(&connection, until)?;
        connection.get_mut().write_all(&bytes)?;
        for _ in commands {
            Client::limit(&connection, until)?;
            replies.push(reply(value(&mut connection)?));
        }
        self.idle.lock().expect("nobody panics under it").push(connection);
        Ok(())
    }
}

/// Reads one, by the protocol's second version.
fn value(from: &mut Connection) -> Done<Value> {
    let mut line = String::new();
    from.read_line(&mut line)?;
    let line = line.strip_suffix("\r\n").ok_or(ErrorKind::UnexpectedEof)?;
    let (mark, rest) = line.split_at_checked(1).ok_or(ErrorKind::InvalidData)?;
    let number = || rest.parse::<i64>().map_err(Error::other);
    Ok(match mark {
        "+" => Value::Status(rest.to_owned()),
        "-" => Value::Error(rest.to_owned()),
        ":" => Value::Int(number()?),
        "$" | "*" => match usize::try_from(number()?) {
            Err(_) => Value::Nil,
            Ok(len) if mark == "*" => Value::Array((0..len).map(|_| value(from)).collect::<Done<_>>()?),
            Ok(len) => {
                let mut data = vec![0; len + 2];
                from.read_exact(&mut data)?;
                data.truncate(len);
                Value::Data(data)
            }
        },
        _ => return Err(ErrorKind::InvalidData.into()),
    })
}

impl Transport for Client {
    fn send(&self, commands: &[Command], timeout: Duration) -> Vec<Result<Reply, Failure>> {
        let mut replies = Vec::new();
        let done = self.exchange(commands, timeout, &mut replies);
        let mut replies: Vec<_> = replies.into_iter().map(Ok).collect();
        if let Err(error) = done {
            // Whether they were played nobody knows.
            replies.resize(commands.len(), Err(Failure::new(error)));
        }
        replies
    }
}

/// All verbs, and a policy that is not the script's to judge, while the server forgets its scripts in between.
#[test]
fn a_script_that_the_server_forgets_is_sent_by_whatever_client() {
    let Some(server) = RedisServer::start() else { return };
    let store = Arc::new(RedisStore::with_transport(Client::of(&server)));
    let call = |weight| {
        server.run::<String>("SCRIPT FLUSH");
        let ask = Ask::to_acquire(("api", Some("ann")), &[Rate::per_hour(9)], &[Rate::per_hour(90)], weight);
        store.play(&[ask.clone(), ask], Duration::from_secs(5))
    };
    for granted in [[true, true], [true, false], [false, false]] {
        let answers = call(3).into_iter().map(|answer| answer.expect("an answer").is_granted());
        assert_eq!(answers.collect::<Vec<_>>(), granted);
    }
    let bucket = Bucket::named("mail", Rate::per_hour(3)).store(Arc::clone(&store));
    let other = Bucket::named("mail", Rate::per_hour(3)).store(Arc::clone(&store));
    let flush = || server.run::<String>("SCRIPT FLUSH");
    flush();
    let permit = bucket.request().weight(2).try_acquire().expect("a permit");
    flush();
    assert_eq!(other.peek().expect("an outlook").rates()[0].remaining(), 1);
    flush();
    permit.refund();
    flush();
    assert_eq!(bucket.peek().expect("an outlook").rates()[0].remaining(), 3);
    flush();
    drop(other.request().weight(3).charge().expect("a permit"));
    flush();
    assert!(bucket.try_acquire().is_err());
    flush();
    bucket.reset().expect("fresh");
    assert!(other.try_acquire().is_ok());
    // What is no string of ours is the server's error, and none of the connection's.
    server.run::<i64>("DEL rl:v1:{default:api}:ann");
    server.run::<i64>("LPUSH rl:v1:{default:api}:ann x");
    let failure = call(1).remove(0).expect_err("an error").to_string();
    assert!(failure.starts_with("the server refused: ") && failure.contains("WRONGTYPE"), "{failure}");
}
