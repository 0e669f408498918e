use rate_limited::{Error, rate_limited};

#[rate_limited(bucket = "kitsu", key = |user| user)]
fn search(_: u32) -> Result<u32, Error> {
    Ok(1)
}

fn main() {
    let _ = search(1);
}
