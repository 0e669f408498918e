use rate_limited::{Error, rate_limited};

#[rate_limited(rate = "10/s burst=5")]
fn search(user: u32, page: &str) -> Result<usize, Error> {
    Ok(user as usize + page.len())
}

fn main() {
    let _ = search(1, "a");
}
