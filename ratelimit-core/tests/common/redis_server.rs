//! Redis servers of the tests' own: on free ports of the loopback, gone with the test.

#![allow(dead_code, reason = "each test crate uses its own part")]
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "helpers of tests, by real time"
)]

use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::{skipped, temporary};

/// How long anything may take to come up.
const PATIENCE: Duration = Duration::from_secs(20);

/// A server that is killed with its handle.
#[derive(Debug)]
pub(crate) struct RedisServer {
    child: Child,
    dir: PathBuf,
    port: u16,
    options: Vec<String>,
}

impl RedisServer {
    /// `None`, and a line that says so, where no server is installed; a failure where it has to be.
    pub(crate) fn start() -> Option<Self> {
        Self::start_with(&[])
    }

    pub(crate) fn start_with(options: &[&str]) -> Option<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        if !is_installed() {
            return None;
        }
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let dir = temporary::place().join(format!("rate-limited-redis-{}-{count}", std::process::id()));
        fs::create_dir_all(&dir).expect("a temporary directory");
        let options: Vec<String> = options.iter().map(ToString::to_string).collect();
        // Somebody else may take a port that was free.
        for _ in 0..20 {
            let port = free_port();
            let child = spawn(port, &dir, &options);
            let mut server = RedisServer { child, dir: dir.clone(), port, options: options.clone() };
            if server.comes_up() {
                return Some(server);
            }
        }
        panic!("no redis-server could be started in {}", dir.display());
    }

    /// Kills it, if it runs, and starts it anew, at the same place.
    pub(crate) fn restart(&mut self) {
        self.kill();
        self.child = spawn(self.port, &self.dir, &self.options);
        assert!(self.comes_up(), "it comes up again");
    }

    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    pub(crate) fn signal(&self, name: &str) {
        let done = Command::new("kill").args([format!("-{name}"), self.child.id().to_string()]).status();
        assert!(done.expect("`kill` runs").success());
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub(crate) fn connection(&self) -> redis::Connection {
        let client = redis::Client::open(self.url()).expect("a URL");
        client.get_connection_with_timeout(PATIENCE).expect("a connection")
    }

    /// Has it play a command of words without spaces.
    pub(crate) fn run<T: redis::FromRedisValue>(&self, words: &str) -> T {
        let mut command = redis::Cmd::new();
        words.split(' ').for_each(|word| _ = command.arg(word));
        command.query(&mut self.connection()).unwrap_or_else(|error| panic!("{words}: {error}"))
    }

    fn comes_up(&mut self) -> bool {
        wait_until(|| {
            let client = redis::Client::open(self.url()).expect("a URL");
            let is_up = client
                .get_connection_with_timeout(Duration::from_secs(1))
                .is_ok_and(|mut connection| redis::cmd("PING").query::<String>(&mut connection).is_ok());
            is_up || self.child.try_wait().expect("its state").is_some()
        });
        self.child.try_wait().expect("its state").is_none()
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
        let _ = fs::remove_dir_all(&self.dir);
    }
}

/// A cluster of three nodes and a replica of each.
pub(crate) fn cluster_of_six() -> Option<Vec<RedisServer>> {
    let start = |_| {
        let bus = free_port().to_string();
        RedisServer::start_with(&[
            "--cluster-enabled",
            "yes",
            "--cluster-node-timeout",
            "2000",
            "--cluster-port",
            &bus,
        ])
        .map(|server| (server, bus))
    };
    let nodes: Vec<_> = (0..6).map(start).collect::<Option<_>>()?;
    let (first, _) = nodes.first()?;
    for (node, bus) in &nodes {
        let _: String = first.run(&format!("CLUSTER MEET 127.0.0.1 {} {bus}", node.port()));
    }
    for (index, (node, _)) in nodes.iter().take(3).enumerate() {
        let (begin, end) = (index * 16_384 / 3, (index + 1) * 16_384 / 3 - 1);
        let _: String = node.run(&format!("CLUSTER ADDSLOTSRANGE {begin} {end}"));
    }
    let all = |text: &str, count: usize| {
        wait_until(|| {
            nodes.iter().all(|(node, _)| node.run::<String>("CLUSTER NODES").matches(text).count() >= count)
        });
    };
    all(" connected", 6);
    for (index, (node, _)) in nodes.iter().skip(3).enumerate() {
        let master: String = nodes.get(index).map(|(node, _)| node.run("CLUSTER MYID"))?;
        wait_until(|| {
            let mut command = redis::cmd("CLUSTER");
            command.arg("REPLICATE").arg(&master).query::<String>(&mut node.connection()).is_ok()
        });
    }
    wait_until(|| {
        nodes.iter().all(|(node, _)| node.run::<String>("CLUSTER INFO").contains("cluster_state:ok"))
    });
    all("slave", 3);
    Some(nodes.into_iter().map(|(node, _)| node).collect())
}

pub(crate) fn wait_until(mut is_so: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < PATIENCE, "it took too long");
        thread::sleep(Duration::from_millis(5));
    }
}

fn spawn(port: u16, dir: &PathBuf, options: &[String]) -> Child {
    let mut command = Command::new("redis-server");
    command.args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--save", "", "--appendonly", "no"]);
    command.args(["--loglevel", "warning", "--dir"]).arg(dir).args(options);
    let log = fs::File::create(dir.join("log")).expect("a log");
    command.stdin(Stdio::null()).stdout(log).stderr(Stdio::null()).spawn().expect("redis-server starts")
}

pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    listener.local_addr().expect("its address").port()
}

fn is_installed() -> bool {
    let found = Command::new("redis-server").arg("--version").stdout(Stdio::null()).status();
    let is_there = found.is_ok_and(|status| status.success());
    if !is_there {
        skipped::for_want_of("`redis-server` is not installed");
    }
    is_there
}
