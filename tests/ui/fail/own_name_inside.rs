use rate_limited::{Error, rate_limited};

#[rate_limited(rate_limited(bucket = "kitsu"))]
fn search() -> Result<u32, Error> {
    Ok(1)
}

fn main() {
    let _ = search();
}
