use rate_limited::{Error, rate_limited};

#[rate_limited(bucket = "kitsu", feedback)]
#[track_caller]
fn search(user: u32, page: &str) -> Result<usize, Error> {
    Ok(user as usize + page.len())
}

fn main() {}
