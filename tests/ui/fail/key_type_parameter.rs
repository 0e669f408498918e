use rate_limited::{Error, rate_limited};

#[rate_limited(bucket = "kitsu", key = user)]
fn search<T>(user: T) -> Result<T, Error> {
    Ok(user)
}

fn main() {
    let _ = search(1);
}
