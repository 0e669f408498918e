use rate_limited::{Error, rate_limited};

#[rate_limited(bucket = "kitsu", key = |c| c)]
fn sum(a: u32, b: u32) -> Result<u32, Error> {
    Ok(a + b)
}

fn main() {
    let _ = sum(1, 2);
}
