use rate_limited::{Error, rate_limited};

#[rate_limited(bucket = "kitsu", max_delay = "1_000ms")]
fn search(user: u32, page: &str) -> Result<usize, Error> {
    Ok(user as usize + page.len())
}

fn main() {
    let _ = search(1, "a");
}
