//! The server: a small JSON:API service on a loopback port, with a network's whims and limits that it means.

mod limits;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use std::{io, thread};

use axum::Router;
use axum::extract::{Path, Query, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use limits::{Limit, SlidingLog, TokenBucket};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::serve::serve;

/// One request, as its turn came to be looked at.
#[derive(Clone)]
pub struct Arrival {
    /// Since the server started.
    pub at: Duration,
    pub path: String,
    pub weight: u32,
    pub accepted: bool,
}

/// Everything that arrived at one limit.
#[derive(Clone, Default)]
pub struct Traffic {
    pub arrivals: Vec<Arrival>,
    /// The most weight that the limit would have let through from the first to the last arrival.
    pub most: u64,
}

/// A limit and its log. Both are behind one lock, so that the log is in the order of the decisions.
#[derive(Clone)]
pub struct Gate {
    started: Instant,
    inside: Arc<Mutex<(Box<dyn Limit>, Traffic)>>,
}

impl Gate {
    fn new(started: Instant, limit: impl Limit + 'static) -> Self {
        Self { started, inside: Arc::new(Mutex::new((Box::new(limit), Traffic::default()))) }
    }

    /// Decides and writes it down; an error says when to come back.
    fn arrive(&self, path: String, weight: u32) -> Result<(), Duration> {
        let mut inside = self.inside.lock().unwrap_or_else(PoisonError::into_inner);
        let (limit, traffic) = &mut *inside;
        let at = self.started.elapsed();
        let verdict = limit.arrive(nanos(at), weight);
        traffic.arrivals.push(Arrival { at, path, weight, accepted: verdict.is_ok() });
        let first = traffic.arrivals.first().map_or(at, |call| call.at);
        traffic.most = limit.most(nanos(at.saturating_sub(first)));
        verdict.map_err(Duration::from_nanos)
    }

    /// What has arrived so far.
    pub fn traffic(&self) -> Traffic {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner).1.clone()
    }
}

pub struct Server {
    pub url: String,
    /// `/anime` and `/search`: a token bucket of 10, refilled at 10 per second.
    pub kitsu: Gate,
    /// `/trending`: five in any second.
    pub trending: Gate,
}

impl Server {
    /// Serves until the process ends.
    pub fn start() -> io::Result<Self> {
        let started = Instant::now();
        let kitsu = Gate::new(started, TokenBucket::full(10, 10));
        let trending = Gate::new(started, SlidingLog::per_second(5));
        let url = serve(routes(&kitsu, &trending))?;
        Ok(Self { url, kitsu, trending })
    }
}

fn routes(kitsu: &Gate, trending: &Gate) -> Router {
    let toll = |gate: &Gate, weight| from_fn_with_state((gate.clone(), weight), enter);
    Router::new()
        .route("/anime/{id}", get(anime).layer(toll(kitsu, 1)))
        .route("/search", get(search).layer(toll(kitsu, 2)))
        .route("/trending", get(trending_now).layer(toll(trending, 1)))
        .route("/health", get(health))
}

/// Holds the request up as a network would, then looks at it.
async fn enter(State((gate, weight)): State<(Gate, u32)>, request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let held_up = Duration::from_micros(fastrand::u64(0..=15_000));
    // On a thread of its own, because the runtime's timer rounds up to whole milliseconds: 15 ms must not become 16.
    let look = move || {
        thread::sleep(held_up);
        gate.arrive(path, weight)
    };
    match tokio::task::spawn_blocking(look).await {
        Ok(Ok(())) => next.run(request).await,
        Ok(Err(wait)) => too_many_requests(wait),
        Err(_) => problem(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

/// Slow on purpose: callers that greet the server together then need a connection each.
async fn health() {
    tokio::time::sleep(Duration::from_millis(50)).await;
}

async fn anime(Path(id): Path<usize>) -> Response {
    match id.checked_sub(1).and_then(|at| CATALOGUE.get(at)) {
        Some(title) => document(StatusCode::OK, &json!({ "data": resource(id, title) })),
        None => problem(StatusCode::NOT_FOUND),
    }
}

#[derive(Deserialize)]
struct Wanted {
    q: String,
}

async fn search(Query(Wanted { q }): Query<Wanted>) -> Response {
    let wanted = q.to_lowercase();
    list(|title| title.to_lowercase().contains(&wanted))
}

async fn trending_now() -> Response {
    list(|title| title.len() % 2 == 0)
}

fn list(keep: impl Fn(&str) -> bool) -> Response {
    let found = CATALOGUE.iter().zip(1..).filter(|(title, _)| keep(title));
    let data: Vec<Value> = found.map(|(title, id)| resource(id, title)).collect();
    document(StatusCode::OK, &json!({ "data": data }))
}

fn resource(id: usize, title: &str) -> Value {
    json!({ "type": "anime", "id": id.to_string(), "attributes": { "canonicalTitle": title } })
}

fn problem(status: StatusCode) -> Response {
    let error = json!({ "status": status.as_str(), "title": status.canonical_reason() });
    document(status, &json!({ "errors": [error] }))
}

fn too_many_requests(wait: Duration) -> Response {
    // The header knows whole seconds only, and coming back too early would be pointless.
    let seconds = nanos(wait).div_ceil(1_000_000_000).to_string();
    ([(header::RETRY_AFTER, seconds)], problem(StatusCode::TOO_MANY_REQUESTS)).into_response()
}

fn document(status: StatusCode, json: &Value) -> Response {
    (status, [(header::CONTENT_TYPE, "application/vnd.api+json")], json.to_string()).into_response()
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// An anime's id is its place here, counted from 1.
pub const CATALOGUE: [&str; 12] = [
    "Cowboy Bebop",
    "Fullmetal Alchemist",
    "Haibane Renmei",
    "Kaiba",
    "Mononoke",
    "Mushishi",
    "Natsume Yuujinchou",
    "Planetes",
    "Serial Experiments Lain",
    "Shouwa Genroku Rakugo Shinjuu",
    "Tatami Galaxy",
    "Toki wo Kakeru Shoujo",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn get(agent: &ureq::Agent, url: &str) -> (u16, Option<String>, Value) {
        let mut answer = agent.get(url).call().expect("an answer");
        let retry_after =
            answer.headers().get("retry-after").map(|value| value.to_str().expect("text").to_owned());
        (answer.status().as_u16(), retry_after, answer.body_mut().read_json().expect("JSON"))
    }

    #[test]
    fn means_its_limits() {
        let server = Server::start().expect("a free port");
        let agent = ureq::Agent::new_with_config(
            ureq::Agent::config_builder().proxy(None).http_status_as_error(false).build(),
        );
        let get = |path| get(&agent, &format!("{}{path}", server.url));

        assert_eq!(get("/anime/13").0, 404, "and it costs as much as one that there is");
        let (status, _, found) = get("/search?q=MU");
        assert_eq!((status, &found["data"][0]["attributes"]["canonicalTitle"]), (200, &json!("Mushishi")));
        let one = json!({ "type": "anime", "id": "4", "attributes": { "canonicalTitle": "Kaiba" } });
        assert_eq!(get("/anime/4"), (200, None, json!({ "data": one })));

        // Six are left, and a search costs two: the fourth is too much, if this machine is not so slow that more comes free.
        let refused = (0..1000).map(|_| get("/search?q=no")).find(|(status, ..)| *status == 429);
        let problem = json!({ "status": "429", "title": "Too Many Requests" });
        assert_eq!(refused, Some((429, Some("1".to_owned()), json!({ "errors": [problem] }))));

        let seen = server.kitsu.traffic();
        let log: Vec<_> =
            seen.arrivals.iter().map(|call| (&*call.path, call.weight, call.accepted)).collect();
        assert_eq!(log[..3], [("/anime/13", 1, true), ("/search", 2, true), ("/anime/4", 1, true)]);
        assert_eq!(log.last(), Some(&("/search", 2, false)));
        assert!(seen.arrivals.is_sorted_by_key(|call| call.at));
        assert!(server.trending.traffic().arrivals.is_empty(), "the other limit has not heard of it");
    }
}
