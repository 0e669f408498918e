//! A server on a loopback port of this machine, within the process that calls it.

use std::net::{Ipv4Addr, TcpListener};
use std::{io, thread};

use axum::Router;

/// Serves until the process ends, on a thread and a runtime of its own: a busy client must not slow its clock down. The
/// server's address.
pub fn serve(routes: Router) -> io::Result<String> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    listener.set_nonblocking(true)?;
    let url = format!("http://{}", listener.local_addr()?);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    thread::Builder::new().name("server".into()).spawn(move || {
        runtime.block_on(async { axum::serve(tokio::net::TcpListener::from_std(listener)?, routes).await })
    })?;
    Ok(url)
}
