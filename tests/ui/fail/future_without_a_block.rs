use std::future::Future;

use rate_limited::{Error, rate_limited};

#[rate_limited(bucket = "kitsu")]
fn search() -> impl Future<Output = Result<usize, Error>> {
    std::future::ready(Ok(1))
}

fn main() {
    let _ = search();
}
