//! Limits in the manner of GitHub: some windows for all that a user asks, told with every answer, in whole seconds.

use axum::Router;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;

use super::answer;
use super::ledger::{Decision, Ledger};
use super::window::Rule;

static CORE: Rule = Rule::new("core", 150, 12).whole_seconds();
static SEARCH: Rule = Rule::new("search", 20, 12).whole_seconds();

pub fn routes(ledger: &Ledger) -> Router {
    let counted_in = |rule: &'static Rule| {
        let ledger = ledger.clone();
        get(move || {
            let place = (rule, None);
            let decision = ledger.arrive(&[place], place, |_| None);
            async move { respond(rule, decision) }
        })
    };
    Router::new()
        .route("/repos/{owner}/{name}/issues", counted_in(&CORE))
        .route("/repos/{owner}/{name}/commits", counted_in(&CORE))
        .route("/search/code", counted_in(&SEARCH))
}

/// What is rejected is forbidden, rather than too much.
fn respond(rule: &Rule, Decision { at, rejection, remaining, over }: Decision) -> Response {
    let status = if rejection.is_some() { StatusCode::FORBIDDEN } else { StatusCode::OK };
    let headers = [
        ("X-RateLimit-Limit", rule.calls.to_string()),
        ("X-RateLimit-Remaining", remaining.to_string()),
        ("X-RateLimit-Used", (rule.calls - remaining).to_string()),
        ("X-RateLimit-Reset", over.as_secs().to_string()),
        ("X-RateLimit-Resource", rule.name.to_owned()),
    ];
    answer(at, status, &headers)
}

#[cfg(test)]
mod tests;
