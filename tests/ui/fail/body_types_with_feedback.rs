use std::future::Future;
use std::pin::Pin;

use rate_limited::Error;

#[rate_limited::rate_limited(bucket = "kitsu", feedback = |_| None::<rate_limited::feedback::Feedback>)]
fn sync(page: &str) -> Result<u32, Error> {
    let number: u32 = page;
    "5".parse::<u32>()?;
    number.missing();
    number;
}

#[rate_limited::rate_limited(bucket = "kitsu", feedback = |_| None::<rate_limited::feedback::Feedback>)]
async fn asynchronous(page: &str) -> Result<u32, Error> {
    let number: u32 = page;
    "5".parse::<u32>()?;
    std::future::ready(number);
    Ok("five")
}

#[rate_limited::rate_limited(bucket = "kitsu", feedback = |_| None::<rate_limited::feedback::Feedback>)]
fn boxed(page: u32) -> Pin<Box<dyn Future<Output = Result<u32, Error>> + Send>> {
    let page: &str = page;
    Box::pin(async move {
        let number: u32 = page;
        Ok(unknown(number))
    })
}

#[rate_limited::rate_limited(bucket = "kitsu", feedback = |_| None::<rate_limited::feedback::Feedback>)]
fn wrong_tail(page: u32) -> Result<u32, Error> {
    page
}

#[rate_limited::rate_limited(bucket = "kitsu", feedback = |_| None::<rate_limited::feedback::Feedback>)]
async fn wrong_return(page: u32) -> Result<u32, Error> {
    if page > 1 {
        return page;
    }
    Ok(page).unwrap()
}

fn main() {
    let _ = (sync("1"), asynchronous("1"), boxed(1), wrong_tail(1), wrong_return(1));
}
