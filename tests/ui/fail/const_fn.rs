use rate_limited::{Error, rate_limited};

#[rate_limited(bucket = "kitsu")]
const fn search() -> Result<usize, Error> {
    Ok(1)
}

fn main() {
    let _ = search();
}
