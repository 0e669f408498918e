use rate_limited::rate_limited;

#[rate_limited(bucket = "kitsu")]
fn search<E>() -> Result<u8, E> {
    Ok(1)
}

fn main() {
    let _ = search::<String>();
}
