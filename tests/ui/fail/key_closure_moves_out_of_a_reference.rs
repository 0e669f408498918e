use rate_limited::{Error, rate_limited};

#[rate_limited(bucket = "kitsu", key = |&name| name)]
fn search(name: String) -> Result<usize, Error> {
    Ok(name.len())
}

fn main() {
    let _ = search(String::new());
}
