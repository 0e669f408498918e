//! Where the limit is kept: in a directory of this run's own an SQLite file, or what a Redis server writes.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, process};

/// How long a server may take until it answers.
const PATIENCE: Duration = Duration::from_secs(10);

pub enum Place {
    File(Directory),
    Redis(Redis),
}

impl Place {
    /// What the client is told.
    pub fn address(&self) -> String {
        match self {
            Place::File(directory) => directory.0.join("limits.db").display().to_string(),
            Place::Redis(redis) => format!("redis://{}", redis.address),
        }
    }
}

/// Gone with its handle.
pub struct Directory(PathBuf);

impl Directory {
    pub fn new() -> io::Result<Self> {
        let path = env::temp_dir().join(format!("shared_redis-{}-{:x}", process::id(), fastrand::u64(..)));
        fs::create_dir(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A server on a free port, which loses nothing that it has answered. Dropped, it is killed.
pub struct Redis {
    /// `None` = it is away.
    server: Option<Child>,
    address: SocketAddr,
    directory: Directory,
}

impl Redis {
    pub async fn start() -> Result<Self, Trouble> {
        let mut redis = Self { server: None, address: free_port()?, directory: Directory::new()? };
        // Somebody else may take a port that was free, and then the server ends.
        for _ in 0..10 {
            match redis.come_back().await {
                Err(Trouble::Ended(..)) => redis.address = free_port()?,
                other => return other.map(|()| redis),
            }
        }
        redis.come_back().await.map(|()| redis)
    }

    /// By `SIGKILL`: it gets to write nothing any more.
    pub fn kill(&mut self) -> io::Result<()> {
        if let Some(mut server) = self.server.take() {
            server.kill()?;
            server.wait()?;
        }
        Ok(())
    }

    /// Starts it again, at the same port and on the same files, until it answers.
    pub async fn come_back(&mut self) -> Result<(), Trouble> {
        self.kill()?;
        self.server = Some(self.command().spawn().map_err(Trouble::start)?);
        let began = Instant::now();
        while !says_pong(self.address) {
            self.look()?;
            if began.elapsed() > PATIENCE {
                return Err(Trouble::Slow);
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        // It may be another server that has answered, if that was faster to take the port.
        self.look()
    }

    /// Sees to it that it is there, if it ought to be.
    pub fn look(&mut self) -> Result<(), Trouble> {
        let Some(server) = &mut self.server else { return Ok(()) };
        let Some(status) = server.try_wait()? else { return Ok(()) };
        let log = fs::read_to_string(self.directory.0.join("log")).unwrap_or_default();
        Err(Trouble::Ended(status, log.lines().last().unwrap_or("it wrote nothing").to_owned()))
    }

    fn command(&self) -> Command {
        let mut command = Command::new("redis-server");
        command.args(["--bind", &self.address.ip().to_string(), "--port", &self.address.port().to_string()]);
        command.args(["--save", "", "--appendonly", "yes", "--appendfsync", "always"]);
        command.args(["--loglevel", "warning", "--logfile", "log", "--dir"]).arg(&self.directory.0);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        apart(&mut command);
        command
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}

/// What Ctrl-C ends is this program, which then ends its processes.
pub fn apart(command: &mut Command) {
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(command, 0);
    #[cfg(not(unix))]
    let _ = command;
}

fn free_port() -> io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

/// While it still reads its files it says something else.
fn says_pong(server: SocketAddr) -> bool {
    let ask = || {
        let mut stream = TcpStream::connect_timeout(&server, Duration::from_millis(100))?;
        stream.set_read_timeout(Some(Duration::from_millis(100)))?;
        stream.write_all(b"PING\r\n")?;
        let mut answer = [0; 5];
        stream.read_exact(&mut answer)?;
        io::Result::Ok(answer)
    };
    ask().is_ok_and(|answer| &answer == b"+PONG")
}

#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    #[error(
        "`redis-server` is not in the PATH; install it (Debian, Ubuntu: `apt-get install redis-server`, Fedora: `dnf install \
         redis`, macOS: `brew install redis`), or run the example with `--sqlite`, which needs nothing"
    )]
    Missing,
    #[error("`redis-server` has ended by itself, {0}; the end of its log: {1}")]
    Ended(ExitStatus, String),
    #[error("`redis-server` has not answered for {} s", PATIENCE.as_secs())]
    Slow,
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl Trouble {
    fn start(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::NotFound { Trouble::Missing } else { Trouble::Io(error) }
    }
}
