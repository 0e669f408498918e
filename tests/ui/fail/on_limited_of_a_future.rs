use std::pin::Pin;

use rate_limited::{Error, rate_limited};

#[rate_limited(bucket = "kitsu", on_limited = |error| Box::pin(async move { Err(error) }))]
fn search() -> Pin<Box<dyn Future<Output = Result<u32, Error>>>> {
    Box::pin(async move { Ok(1) })
}

fn main() {
    let _ = search();
}
