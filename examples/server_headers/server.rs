//! The servers, and the network before them.

mod discord;
mod github;
mod ledger;
mod window;

use std::io;
use std::time::{Duration, UNIX_EPOCH};

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::Response;

pub use ledger::{Arrival, Clock, Ledger, Place, Verdict};
#[cfg(test)]
pub use window::Rule;

use crate::serve::serve;

/// Both servers, on ports of their own.
pub struct Servers {
    pub clock: Clock,
    pub discord: Server,
    pub github: Server,
}

pub struct Server {
    pub url: String,
    pub ledger: Ledger,
}

impl Servers {
    /// They serve until the process ends.
    pub fn start(seed: u64) -> io::Result<Self> {
        let clock = Clock::start();
        let (discord, github) = (Ledger::new(clock), Ledger::new(clock));
        let others = discord::Others::new(seed, clock.now());
        Ok(Self {
            clock,
            discord: Server {
                url: serve(behind_network(discord::routes(&discord, others)))?,
                ledger: discord,
            },
            github: Server { url: serve(behind_network(github::routes(&github)))?, ledger: github },
        })
    }
}

fn behind_network(routes: Router) -> Router {
    routes.layer(from_fn(travel))
}

/// Takes the request 5 to 150 ms to the server and its answer 2.5 to 75 ms back.
///
/// On a task of its own: who hangs up does not call back what is on its way, and the server counts it all the same.
async fn travel(request: Request, next: Next) -> Response {
    // The runtime's timer rounds up to whole milliseconds.
    let (there, back) = (fastrand::u64(5..150), fastrand::u64(2_500..74_000));
    let journey = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(there)).await;
        let answer = next.run(request).await;
        tokio::time::sleep(Duration::from_micros(back)).await;
        answer
    });
    journey.await.unwrap_or_else(|_| problem(StatusCode::INTERNAL_SERVER_ERROR))
}

fn problem(status: StatusCode) -> Response {
    let mut answer = Response::default();
    *answer.status_mut() = status;
    answer
}

/// An answer without a body, given at a time.
fn answer(at: Duration, status: StatusCode, headers: &[(&'static str, String)]) -> Response {
    let mut answer = problem(status);
    let date = (header::DATE.as_str(), httpdate::fmt_http_date(UNIX_EPOCH + at));
    for (name, value) in [date].iter().chain(headers) {
        if let Ok(value) = HeaderValue::from_str(value) {
            answer.headers_mut().append(*name, value);
        }
    }
    answer
}

/// Whole seconds: who comes back then does not come too early.
fn whole_seconds(wait: Duration) -> String {
    wait.as_nanos().div_ceil(1_000_000_000).to_string()
}

/// Seconds with three digits behind the point.
fn millis(wait: Duration) -> String {
    let millis = wait.as_nanos().div_ceil(1_000_000);
    format!("{}.{:03}", millis / 1_000, millis % 1_000)
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::TcpStream;

    use super::*;

    #[test]
    fn who_hangs_up_is_counted() -> io::Result<()> {
        let servers = Servers::start(1)?;
        let address = servers.github.url.strip_prefix("http://").expect("a plain address");
        TcpStream::connect(address)?.write_all(b"GET /search/code HTTP/1.1\r\nHost: here\r\n\r\n")?;
        while servers.github.ledger.log().is_empty() {
            std::thread::yield_now();
        }
        Ok(())
    }

    #[test]
    fn times_are_rounded_up() {
        let times = [0, 1, 999_999, 1_000_000, 1_200_000_001].map(Duration::from_nanos);
        assert_eq!(times.map(whole_seconds), ["0", "1", "1", "1", "2"]);
        assert_eq!(times.map(millis), ["0.000", "0.001", "0.001", "0.001", "1.201"]);
    }
}
