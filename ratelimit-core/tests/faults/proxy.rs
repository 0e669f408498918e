//! A network between a store and its server that can be told to fail.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// What becomes of what is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    Pass,
    /// Everything arrives so much later.
    Slow(Duration),
    /// The connection is cut before the server hears anything.
    CutBefore,
    /// The connection is cut when the server has answered, and nobody hears what.
    CutAfter,
    /// Nothing arrives any more.
    Swallow,
}

impl Manner {
    pub(crate) const fn slow_by_millis(millis: u64) -> Self {
        Manner::Slow(Duration::from_millis(millis))
    }
}

#[derive(Debug)]
pub(crate) struct Proxy {
    port: u16,
    manner: Arc<Mutex<Manner>>,
}

impl Proxy {
    /// In front of the server at that port, until the test ends.
    pub(crate) fn before(server: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        let manner = Arc::new(Mutex::new(Manner::Pass));
        let told = Arc::clone(&manner);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, server)) else { continue };
                let _ = (client.set_nodelay(true), server.set_nodelay(true));
                let both = (client.try_clone().expect("a stream"), server.try_clone().expect("a stream"));
                let there = Arc::clone(&told);
                thread::spawn(move || pass(both.0, both.1, &there, true));
                let back = Arc::clone(&told);
                thread::spawn(move || pass(server, client, &back, false));
            }
        });
        Proxy { port, manner }
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub(crate) fn set(&self, manner: Manner) {
        *self.manner.lock().expect("nobody panics with it") = manner;
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, manner: &Mutex<Manner>, is_request: bool) {
    let mut bytes = [0; 16_384];
    while let Ok(len @ 1..) = from.read(&mut bytes) {
        let told = *manner.lock().expect("nobody panics with it");
        let cuts = match told {
            Manner::Swallow => continue,
            Manner::Slow(span) => {
                thread::sleep(span / 2);
                false
            }
            Manner::CutBefore => is_request,
            Manner::CutAfter => !is_request,
            Manner::Pass => false,
        };
        if cuts || to.write_all(&bytes[..len]).is_err() {
            break;
        }
    }
    let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}
