//! The client: what a small crate for an anime API looks like when it keeps the API's limits by itself.
//!
//! Every function says in one line what it costs and how long it may wait for its turn. There is nothing else to do: no limiter
//! to pass around, no loop that tries again after a 429.

use rate_limited::rate_limited;
use serde::{Deserialize, de::DeserializeOwned};

use crate::load::Stopwatch;

/// The API for async callers. Clones share their connections.
#[derive(Clone)]
pub struct Kitsu {
    http: reqwest::Client,
    base: String,
    /// For the report of this example only.
    pub sent: Stopwatch,
}

impl Kitsu {
    pub fn new(base: &str) -> Result<Self, ApiError> {
        let http = reqwest::Client::builder().no_proxy().build()?;
        Ok(Self { http, base: base.to_owned(), sent: Stopwatch::default() })
    }

    #[rate_limited(bucket = "kitsu", max_delay = "forever")]
    pub async fn anime(&self, id: usize) -> Result<Anime, ApiError> {
        self.get(&format!("/anime/{id}"), &[]).await
    }

    /// A search costs the server as much as two look-ups.
    #[rate_limited(bucket = "kitsu", weight = 2, max_delay = "forever")]
    pub async fn search(&self, text: &str) -> Result<Vec<Anime>, ApiError> {
        self.get("/search", &[("q", text)]).await
    }

    /// The search behind an input field: what comes later than half a second is of no use any more, so it is not even sent.
    #[rate_limited(bucket = "kitsu", weight = 2, max_delay = "500ms")]
    pub async fn suggest(&self, text: &str) -> Result<Vec<Anime>, ApiError> {
        self.get("/search", &[("q", text)]).await
    }

    /// No limit, so no attribute.
    pub async fn health(&self) -> Result<(), ApiError> {
        self.http.get(format!("{}/health", self.base)).send().await?.error_for_status()?;
        Ok(())
    }

    async fn get<T: DeserializeOwned>(&self, path: &str, query: &[(&str, &str)]) -> Result<T, ApiError> {
        self.sent.mark();
        let answer = self.http.get(format!("{}{path}", self.base)).query(query).send().await?;
        Ok(answer.error_for_status()?.json::<Document<T>>().await?.data)
    }
}

/// The same for threads. The attribute is the same too, and sync and async callers of a bucket stand in one line.
pub struct BlockingKitsu {
    http: ureq::Agent,
    base: String,
    pub sent: Stopwatch,
}

impl BlockingKitsu {
    pub fn new(base: &str) -> Self {
        let http = ureq::Agent::config_builder().proxy(None).build().into();
        Self { http, base: base.to_owned(), sent: Stopwatch::default() }
    }

    #[rate_limited(bucket = "kitsu", max_delay = "forever")]
    pub fn anime(&self, id: usize) -> Result<Anime, ApiError> {
        self.get(&format!("/anime/{id}"))
    }

    /// Has a limit of its own, which is declared here, in place.
    #[rate_limited(bucket = "kitsu-trending", rate = "5/s", max_delay = "forever")]
    pub fn trending(&self) -> Result<Vec<Anime>, ApiError> {
        self.get("/trending")
    }

    pub fn health(&self) -> Result<(), ApiError> {
        self.http.get(format!("{}/health", self.base)).call()?;
        Ok(())
    }

    fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ApiError> {
        self.sent.mark();
        let mut answer = self.http.get(format!("{}{path}", self.base)).call()?;
        Ok(answer.body_mut().read_json::<Document<T>>()?.data)
    }
}

/// What every answer is wrapped in: <https://jsonapi.org>.
#[derive(Deserialize)]
struct Document<T> {
    data: T,
}

#[derive(Deserialize)]
pub struct Anime {
    pub id: String,
    pub attributes: Attributes,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attributes {
    pub canonical_title: String,
}

#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// Refused here: the server has not heard of it. The attribute asks for this conversion and no more.
    #[error(transparent)]
    Limited(#[from] rate_limited::Error),
    #[error(transparent)]
    Http(#[from] reqwest::Error),
    #[error(transparent)]
    BlockingHttp(#[from] ureq::Error),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::Server;

    #[tokio::test]
    async fn reads_what_the_server_writes() -> Result<(), ApiError> {
        let server = Server::start().expect("a free port");
        let kitsu = Kitsu::new(&server.url)?;
        kitsu.health().await?;
        assert_eq!(kitsu.anime(4).await?.attributes.canonical_title, "Kaiba");
        assert_eq!(kitsu.search("mushi").await?.first().map(|anime| &*anime.id), Some("6"));
        assert!(kitsu.suggest("nothing of that name").await?.is_empty());
        let missing = kitsu.anime(99).await.err().expect("there is no such anime");
        assert!(
            matches!(missing, ApiError::Http(error) if error.status() == Some(reqwest::StatusCode::NOT_FOUND))
        );

        let threads = BlockingKitsu::new(&server.url);
        threads.health()?;
        assert_eq!(threads.anime(4)?.id, "4");
        assert!(!threads.trending()?.is_empty());
        Ok(())
    }
}
