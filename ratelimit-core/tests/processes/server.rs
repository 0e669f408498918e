//! An HTTP server that answers everything and notes when it arrived.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use crate::lateness;

/// When what arrived: nanoseconds by the server's clock, and the path.
type Arrivals = Arc<Mutex<Vec<(u64, String)>>>;

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    arrivals: Arrivals,
}

impl Server {
    /// Runs until the test ends.
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = listener.local_addr().expect("its address");
        let arrivals = Arrivals::default();
        let noted = Arc::clone(&arrivals);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let noted = Arc::clone(&noted);
                thread::spawn(move || serve(stream, &noted));
            }
        });
        Server { address, arrivals }
    }

    pub(crate) fn arrivals(&self) -> Vec<(u64, String)> {
        let mut arrivals = self.arrivals.lock().expect("nobody panics with it").clone();
        arrivals.sort();
        arrivals
    }
}

/// One connection, request after request; each is noted as its first line has come.
fn serve(stream: TcpStream, arrivals: &Arrivals) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let mut writer = stream.try_clone().ok()?;
    let mut lines = BufReader::new(stream).lines();
    loop {
        let request = lines.next()?.ok()?;
        let now = lateness::now();
        let path = request.split(' ').nth(1)?.to_owned();
        arrivals.lock().expect("nobody panics with it").push((now, path));
        while !lines.next()?.ok()?.is_empty() {}
        writer.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").ok()?;
    }
}

/// A client's connection.
pub(crate) struct Client {
    writer: TcpStream,
    reader: BufReader<TcpStream>,
}

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        let writer = TcpStream::connect(address).expect("a server that listens");
        writer.set_nodelay(true).expect("a connection");
        let reader = BufReader::new(writer.try_clone().expect("a connection"));
        Client { writer, reader }
    }

    pub(crate) fn get(&mut self, path: &str) {
        write!(self.writer, "GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").expect("a server that listens");
        let mut line = String::new();
        while line != "\r\n" {
            line.clear();
            assert!(self.reader.read_line(&mut line).expect("an answer") > 0, "an answer");
        }
    }
}
