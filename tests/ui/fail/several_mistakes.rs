use rate_limited::{Error, rate_limited};

#[rate_limited(bucket = "", wieght = 2, max_delay = 500, key = |usr| usr, rate = "10", key)]
fn search(user: u32, page: &str) -> Result<usize, Error> {
    Ok(user as usize + page.len())
}

fn main() {
    let _ = search(1, "a");
}
