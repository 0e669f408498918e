//! The clients: two small API crates that keep limits which only the servers know.
//!
//! Every function says which bucket it calls on and hands over what was answered. What a server documents and no answer
//! tells is declared: how many calls it takes of all kinds together.

use std::time::Duration;

use rate_limited::feedback::{Feedback, ServerFeedback};
use rate_limited::{Bucket, Rate, rate_limited};
use reqwest::{Client, RequestBuilder, Response};
use serde::Deserialize;
use tokio::sync::watch;

/// How much longer one request is on its way than another, at most: they take 5 to 150 ms. The bucket finds that out by
/// itself and widens its guard, but by no more than 50 ms in a window of one second, so that nobody becomes slow unasked.
const JITTER: Duration = Duration::from_millis(150);

/// Learned: the windows of each channel, and which functions share one. Declared: 50 calls a second of all channels.
static DISCORD: Bucket =
    Bucket::learned("discord").total(Rate::per_second(50)).guard(JITTER).max_delay(Duration::MAX);

/// Learned: all.
static GITHUB: Bucket = Bucket::learned("github").max_delay(Duration::MAX);

/// Clones share their connections.
#[derive(Clone)]
pub struct Discord {
    http: Client,
    pub url: String,
    pub sent: Sent,
}

impl Discord {
    pub fn new(http: &Client, url: &str) -> Self {
        Self { http: http.clone(), url: url.to_owned(), sent: Sent::default() }
    }

    #[rate_limited(bucket = DISCORD, key = channel, feedback)]
    pub async fn post(&self, channel: u32, text: &str) -> Result<Response, ApiError> {
        let request = self.http.post(format!("{}/channels/{channel}/messages", self.url));
        self.sent.send(request.body(text.to_owned())).await
    }

    /// Another function, and for the server the same limit.
    #[rate_limited(bucket = DISCORD, key = channel, feedback)]
    pub async fn edit(&self, channel: u32, message: u32, text: &str) -> Result<Response, ApiError> {
        let request = self.http.patch(format!("{}/channels/{channel}/messages/{message}", self.url));
        self.sent.send(request.body(text.to_owned())).await
    }

    /// What it returns says nothing of limits, so its body hands the answer over before it reads it.
    #[rate_limited(bucket = DISCORD, key = channel, permit = permit)]
    pub async fn history(&self, channel: u32) -> Result<Vec<Message>, ApiError> {
        let request = self.http.get(format!("{}/channels/{channel}/messages", self.url));
        let answer = self.sent.send(request).await?;
        permit.observe(&answer);
        Ok(answer.error_for_status()?.json().await?)
    }

    /// Has a limit that is not documented: the first rejection tells it.
    #[rate_limited(bucket = DISCORD, key = channel, feedback)]
    pub async fn pin(&self, channel: u32, message: u32) -> Result<Response, ApiError> {
        self.sent.send(self.http.put(format!("{}/channels/{channel}/pins/{message}", self.url))).await
    }

    /// What others may have used up, which nobody can foresee.
    #[rate_limited(bucket = DISCORD, feedback)]
    pub async fn emojis(&self) -> Result<Response, ApiError> {
        self.sent.send(self.http.get(format!("{}/emojis", self.url))).await
    }
}

/// Clones share their connections.
#[derive(Clone)]
pub struct Github {
    http: Client,
    pub url: String,
    pub sent: Sent,
}

impl Github {
    pub fn new(http: &Client, url: &str) -> Self {
        Self { http: http.clone(), url: url.to_owned(), sent: Sent::default() }
    }

    #[rate_limited(bucket = GITHUB, feedback)]
    pub async fn issues(&self, repository: &str) -> Result<Response, ApiError> {
        self.sent.send(self.http.get(format!("{}/repos/{repository}/issues", self.url))).await
    }

    #[rate_limited(bucket = GITHUB, feedback)]
    pub async fn commits(&self, repository: &str) -> Result<Response, ApiError> {
        self.sent.send(self.http.get(format!("{}/repos/{repository}/commits", self.url))).await
    }

    #[rate_limited(bucket = GITHUB, feedback)]
    pub async fn search(&self, text: &str) -> Result<Response, ApiError> {
        self.sent.send(self.http.get(format!("{}/search/code", self.url)).query(&[("q", text)])).await
    }
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
pub struct Message {
    pub content: String,
}

#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    #[error(transparent)]
    Limited(#[from] rate_limited::Error),
    #[error(transparent)]
    Http(#[from] reqwest::Error),
}

/// No answer came, or none that is asked for its headers here.
impl ServerFeedback for ApiError {
    fn feedback(&self) -> Option<Feedback> {
        match self {
            ApiError::Limited(_) => None,
            ApiError::Http(error) => error.feedback(),
        }
    }
}

/// Sends requests, and lets it be known when one leaves; for this example's load only, which drops some of them then.
pub struct Sent(watch::Sender<usize>);

impl Sent {
    async fn send(&self, request: RequestBuilder) -> Result<Response, ApiError> {
        self.0.send_modify(|count| *count += 1);
        Ok(request.send().await?)
    }

    /// Ends once another request has left.
    pub fn next(&self) -> impl Future<Output = ()> + use<> {
        let mut count = self.0.subscribe();
        async move {
            if count.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}

impl Default for Sent {
    fn default() -> Self {
        Self(watch::Sender::new(0))
    }
}

/// A copy is for another caller.
impl Clone for Sent {
    fn clone(&self) -> Self {
        Self::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::{Server, Servers, Verdict};

    fn counted(server: &Server) -> Vec<&'static str> {
        let log = server.ledger.log().into_iter();
        log.map(|arrival| match arrival.verdict {
            Verdict::Served(places) => places.last().map_or("nowhere", |(rule, _)| rule.name),
            Verdict::Rejected(_) => "rejected",
        })
        .collect()
    }

    #[tokio::test]
    async fn reads_what_the_servers_write() -> Result<(), ApiError> {
        let servers = Servers::start(1).expect("free ports");
        let http = Client::builder().no_proxy().build()?;
        let discord = Discord::new(&http, &servers.discord.url);
        discord.post(1, "hello").await?.error_for_status()?;
        discord.edit(1, 7, "hello again").await?.error_for_status()?;
        assert_eq!(discord.history(1).await?, [Message { content: "hello".to_owned() }]);
        discord.pin(1, 7).await?.error_for_status()?;
        discord.emojis().await?.error_for_status()?;
        assert_eq!(counted(&servers.discord), ["messages", "messages", "history", "pins, hidden", "emojis"]);

        let github = Github::new(&http, &servers.github.url);
        github.issues("rust-lang/rust").await?.error_for_status()?;
        github.commits("rust-lang/rust").await?.error_for_status()?;
        github.search("rate limit").await?.error_for_status()?;
        assert_eq!(counted(&servers.github), ["core", "core", "search"]);
        Ok(())
    }
}
