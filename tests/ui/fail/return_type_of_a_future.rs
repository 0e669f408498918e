use rate_limited::rate_limited;

#[rate_limited(bucket = "kitsu")]
fn search() -> impl Future<Output = Result<u8, String>> {
    async { Ok(1) }
}

fn main() {
    let _ = search();
}
