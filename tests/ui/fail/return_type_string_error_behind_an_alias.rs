use rate_limited::rate_limited;

type Answer<T> = Result<T, String>;

#[rate_limited(bucket = "kitsu")]
async fn search() -> Answer<u8> {
    Ok(1)
}

fn main() {
    let _ = search();
}
