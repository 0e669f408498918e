use rate_limited::{Error, rate_limited};

#[rate_limited(bucket = "kitsu", weight = ids)]
fn search(ids: &[u32]) -> Result<usize, Error> {
    Ok(ids.len())
}

fn main() {
    let _ = search(&[1]);
}
