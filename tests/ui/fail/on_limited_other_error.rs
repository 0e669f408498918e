use rate_limited::rate_limited;

#[rate_limited(bucket = "kitsu", on_limited = |error| Err(error))]
fn search() -> Result<u8, String> {
    Ok(1)
}

fn main() {
    let _ = search();
}
