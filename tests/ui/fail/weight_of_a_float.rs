use rate_limited::{Error, rate_limited};

#[rate_limited(bucket = "kitsu", weight = |cost| cost * 2.0)]
fn search(cost: f64) -> Result<f64, Error> {
    Ok(cost)
}

fn main() {
    let _ = search(1.0);
}
