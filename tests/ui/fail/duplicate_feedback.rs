use rate_limited::{Error, rate_limited};

#[rate_limited(feedback, bucket = "kitsu", feedback = |answer| answer)]
fn search(user: u32, page: &str) -> Result<usize, Error> {
    Ok(user as usize + page.len())
}

fn main() {}
