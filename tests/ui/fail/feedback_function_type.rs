use rate_limited::feedback::Feedback;
use rate_limited::{Error, rate_limited};

fn status(_answer: &str) -> Option<Feedback> {
    None
}

#[rate_limited(bucket = "kitsu", feedback = status)]
fn search(user: u32, page: &str) -> Result<usize, Error> {
    Ok(user as usize + page.len())
}

fn main() {}
