use rate_limited::feedback::Feedback;
use rate_limited::{Error, rate_limited};

#[rate_limited(bucket = "kitsu", feedback = |_| user.is_empty().then(Feedback::default))]
async fn search(user: String) -> Result<usize, Error> {
    Ok(user.len())
}

fn main() {}
