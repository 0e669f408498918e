use rate_limited::{Error, rate_limited};

#[rate_limited(bucket = "kitsu", key = user)]
fn search(user: u32) -> impl Future<Output = Result<u32, Error>> {
    async { Ok(1) }
}

fn main() {
    let _ = search(1);
}
