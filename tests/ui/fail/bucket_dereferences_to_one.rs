use rate_limited::{Error, rate_limited};

#[rate_limited(bucket = bucket)]
fn search(bucket: std::sync::MutexGuard<'_, rate_limited::Bucket>) -> Result<usize, Error> {
    Ok(bucket.name().len())
}

fn main() {
    let _ = search;
}
