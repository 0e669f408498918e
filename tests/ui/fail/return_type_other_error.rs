use rate_limited::rate_limited;

struct ApiError;

#[rate_limited(bucket = "kitsu")]
fn search() -> Result<u8, ApiError> {
    Ok(1)
}

fn main() {
    let _ = search();
}
