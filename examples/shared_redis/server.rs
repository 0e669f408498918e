//! The server: one limit for all who call, by its own clock, and a log of every call.

mod window;

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::get;
use fastrand::Rng;
use tokio::sync::Barrier;

use crate::client::LIMIT;
use crate::serve::serve;
pub use window::Window;

/// One call, as it was decided on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// Since the server started.
    pub at: Duration,
    pub process: usize,
    /// How long ago it was let start, by the clock of the machine that all are on.
    pub way: Duration,
    pub served: bool,
}

#[derive(Clone)]
pub struct Server {
    pub url: String,
    desk: Arc<Desk>,
}

struct Desk {
    started: Instant,
    everybody: Barrier,
    inside: Mutex<Inside>,
}

/// Behind one lock, so that the log is in the order of the decisions.
struct Inside {
    window: Window,
    log: Vec<Arrival>,
    dice: Rng,
}

impl Server {
    /// Serves until the process ends; so many callers are to meet.
    pub fn start(callers: usize, seed: u64) -> io::Result<Self> {
        let inside = Inside { window: limit(), log: Vec::new(), dice: Rng::with_seed(seed) };
        let desk = Arc::new(Desk {
            started: Instant::now(),
            everybody: Barrier::new(callers),
            inside: Mutex::new(inside),
        });
        let routes = Router::new()
            .route("/work/{process}/{sent}", get(work))
            .route("/meet", get(meet))
            .with_state(Arc::clone(&desk));
        Ok(Self { url: serve(routes)?, desk })
    }

    /// What its clock shows: the time since it started.
    pub fn now(&self) -> Duration {
        self.desk.started.elapsed()
    }

    pub fn log(&self) -> Vec<Arrival> {
        self.desk.lock().log.clone()
    }
}

/// The time since 1970.
pub fn wall_clock() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// The limit that the server keeps, as it is declared, without a guard.
pub fn limit() -> Window {
    Window::new(LIMIT.amount(), LIMIT.per())
}

impl Desk {
    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it is served, and how long the answer takes.
    fn arrive(&self, process: usize, sent: Duration) -> (bool, Duration) {
        let mut inside = self.lock();
        let way = wall_clock().saturating_sub(sent);
        let at = self.started.elapsed();
        let served = inside.window.arrive(at);
        inside.log.push(Arrival { at, process, way, served });
        (served, Duration::from_millis(inside.dice.u64(1..40)))
    }
}

async fn work(State(desk): State<Arc<Desk>>, Path((process, sent)): Path<(usize, u64)>) -> StatusCode {
    let (served, takes) = desk.arrive(process, Duration::from_micros(sent));
    if !served {
        return StatusCode::TOO_MANY_REQUESTS;
    }
    tokio::time::sleep(takes).await;
    StatusCode::OK
}

/// So all begin together, with a connection each.
async fn meet(State(desk): State<Arc<Desk>>) {
    desk.everybody.wait().await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_its_limit() {
        let server = Server::start(1, 1).expect("a free port");
        let config = ureq::Agent::config_builder().proxy(None).http_status_as_error(false).build();
        let agent = ureq::Agent::new_with_config(config);
        // Faster than the limit with several threads only, as each answer takes a while.
        std::thread::scope(|scope| {
            for process in 0..4 {
                let (agent, server) = (&agent, &server);
                scope.spawn(move || {
                    while server.log().iter().all(|arrival| arrival.served) {
                        let answer = agent.get(format!("{}/work/{process}/0", server.url)).call();
                        assert!(matches!(answer.expect("an answer").status().as_u16(), 200 | 429));
                    }
                });
            }
        });
        let log = server.log();
        assert!(log.is_sorted_by_key(|arrival| arrival.at));
        let first = log.iter().position(|arrival| !arrival.served).expect("one too many");
        let in_its_window = log.iter().take(first).filter(|old| log[first].at <= old.at + LIMIT.per());
        assert_eq!(in_its_window.count(), LIMIT.amount() as usize);
    }
}
