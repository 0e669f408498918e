use rate_limited::{Error, rate_limited};

fn consume(user: String) -> usize {
    user.len()
}

#[rate_limited(bucket = "kitsu", key = consume(user))]
fn search(user: String) -> Result<usize, Error> {
    Ok(user.len())
}

fn main() {
    let _ = search(String::new());
}
