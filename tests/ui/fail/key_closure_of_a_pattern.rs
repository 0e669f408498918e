use rate_limited::{Error, rate_limited};

#[rate_limited(bucket = "kitsu", key = |pair| pair.0)]
fn search((user, page): (u32, u32)) -> Result<u32, Error> {
    Ok(user + page)
}

fn main() {
    let _ = search((1, 2));
}
