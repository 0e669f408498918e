use rate_limited::{Error, rate_limited};

#[rate_limited(bucket = "kitsu", on_limited = 5)]
fn search(user: u32) -> Result<u32, Error> {
    Ok(user)
}

fn main() {
    let _ = search(1);
}
