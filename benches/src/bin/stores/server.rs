//! A Redis server of this program's own: on a free port of the loopback, keeping nothing, gone with its handle.

#![expect(clippy::disallowed_methods, reason = "a server comes up in real time")]

use std::io::ErrorKind;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rate_limited::store::RedisStore;
use redis::{Client, Connection};
use tempfile::TempDir;

use crate::measure::{Failure, Missing};

/// How long a server may take to come up.
const PATIENCE: Duration = Duration::from_secs(10);
/// Somebody else may take a port that was free.
const TRIES: usize = 10;

#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    port: u16,
    /// Where it would write to if it wrote anything.
    _folder: TempDir,
}

impl Server {
    pub(crate) fn start() -> Result<Self, Failure> {
        for _ in 0..TRIES {
            let mut server = Server::spawn()?;
            if server.comes_up()? {
                return Ok(server);
            }
        }
        Err(format!("redis-server did not come up, on none of {TRIES} free ports").into())
    }

    fn spawn() -> Result<Self, Failure> {
        let folder = tempfile::tempdir()?;
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let mut command = Command::new("redis-server");
        command.args([
            "--bind",
            "127.0.0.1",
            "--port",
            &port.to_string(),
            "--save",
            "",
            "--appendonly",
            "no",
        ]);
        command.arg("--dir").arg(folder.path());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().map_err(|error| -> Failure {
            match error.kind() {
                ErrorKind::NotFound => Box::new(Missing(
                    "redis-server is not installed; install it (Debian: `apt-get install redis-server`)"
                        .to_owned(),
                )),
                _ => format!("redis-server could not be started: {error}").into(),
            }
        })?;
        Ok(Server { child, port, _folder: folder })
    }

    /// `false` = it has ended.
    fn comes_up(&mut self) -> Result<bool, Failure> {
        let begun = Instant::now();
        while !self.answers().unwrap_or(false) {
            if self.child.try_wait()?.is_some() {
                return Ok(false);
            }
            if begun.elapsed() > PATIENCE {
                return Err(format!("redis-server did not answer within {PATIENCE:?}").into());
            }
            thread::sleep(Duration::from_millis(5));
        }
        Ok(true)
    }

    /// Whether it is this one, and not somebody else's who took the port.
    fn answers(&self) -> Result<bool, Failure> {
        let info: String = redis::cmd("INFO").arg("server").query(&mut self.connection()?)?;
        let own = format!("process_id:{}", self.child.id());
        Ok(info.lines().any(|line| line.trim() == own))
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn client(&self) -> Result<Client, Failure> {
        Ok(Client::open(self.url())?)
    }

    /// Another connection.
    pub(crate) fn connection(&self) -> Result<Connection, Failure> {
        Ok(self.client()?.get_connection_with_timeout(PATIENCE)?)
    }

    /// Over a connection of its own.
    pub(crate) fn store(&self) -> Result<RedisStore, Failure> {
        Ok(RedisStore::connect(&self.url())?)
    }

    fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It has ended already, or does now.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
