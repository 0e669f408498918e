use std::future::Future;

use rate_limited::{Error, rate_limited};

// The permit is taken where the future runs, so what stands before it has none.
#[rate_limited(bucket = "kitsu", permit = permit)]
fn search() -> impl Future<Output = Result<u32, Error>> {
    let waited = permit.waited();
    async move { Ok(waited.subsec_millis()) }
}

fn main() {
    drop(search());
}
