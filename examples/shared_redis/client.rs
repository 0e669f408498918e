//! The client: what a program looks like that runs several times at once, and must keep to one limit with all its runs.
//!
//! The function is annotated as ever. What is new is where the bucket keeps its states, and that this place may be away.

use std::sync::{Arc, LazyLock, OnceLock};

use rate_limited::store::{OnOutage, RedisStore, SqliteStore, Store};
use rate_limited::{Bucket, Error, Rate, rate_limited};
use reqwest::Client;

use crate::server::wall_clock;

/// What the API asks of all who call it with our name, together.
pub const LIMIT: Rate = Rate::per_second(50);

/// Where the limit is kept, for all processes that are told the same place.
static STORE: OnceLock<Arc<dyn Store>> = OnceLock::new();

/// Its guard, which is for the way to the server, is the default: 20 ms.
static API: LazyLock<Bucket> = LazyLock::new(|| {
    let bucket = Bucket::named("api", LIMIT);
    match STORE.get() {
        // `Deny` is the default, too: rather no call than one too many.
        Some(store) => bucket.store(Arc::clone(store)).on_outage(OnOutage::Deny),
        // Then this process has the whole limit for itself.
        None => bucket,
    }
});

/// Keeps the limit at a place, to be called before all: the URL of a Redis server, or a file.
///
/// A server that is away, or a file that cannot be made yet, is no error here: calls fail, as long as it is so.
pub fn keep_limit_in(place: &str) -> Result<(), Error> {
    let store: Arc<dyn Store> = if place.starts_with("redis://") {
        Arc::new(RedisStore::connect(place)?)
    } else {
        Arc::new(SqliteStore::open(place)?)
    };
    STORE.get_or_init(|| store);
    Ok(())
}

/// Clones share their connections.
#[derive(Clone)]
pub struct Api {
    http: Client,
    url: String,
}

impl Api {
    pub fn new(url: &str) -> Result<Self, ApiError> {
        Ok(Self { http: Client::builder().no_proxy().build()?, url: url.to_owned() })
    }

    /// The server is told which process calls and when, for the report of this example only.
    #[rate_limited(bucket = API, max_delay = "forever")]
    pub async fn work(&self, process: usize) -> Result<(), ApiError> {
        self.get(&format!("/work/{process}/{}", wall_clock().as_micros())).await
    }

    /// No limit, so no attribute. It is answered when everybody is there.
    pub async fn meet(&self) -> Result<(), ApiError> {
        self.get("/meet").await
    }

    async fn get(&self, path: &str) -> Result<(), ApiError> {
        self.http.get(format!("{}{path}", self.url)).send().await?.error_for_status()?;
        Ok(())
    }
}

#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// Refused here: the server has not heard of it.
    #[error(transparent)]
    Limited(#[from] Error),
    #[error(transparent)]
    Http(#[from] reqwest::Error),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::Server;

    #[tokio::test]
    async fn calls_are_counted_for_their_process() -> Result<(), ApiError> {
        let server = Server::start(2, 1).expect("a free port");
        let api = Api::new(&server.url)?;
        let (met, other) = tokio::join!(api.meet(), api.meet());
        met.and(other)?;
        api.work(3).await?;
        api.work(0).await?;
        let log = server.log();
        let seen: Vec<_> = log.iter().map(|arrival| (arrival.process, arrival.served)).collect();
        assert_eq!(seen, [(3, true), (0, true)]);
        Ok(())
    }
}
