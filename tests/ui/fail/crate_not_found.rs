use rate_limited::{Error, rate_limited};

fn patience(user: &u32) -> std::time::Duration {
    std::time::Duration::from_millis((*user).into())
}

#[rate_limited(bucket = "kitsu", key = page, weight = user, max_delay = |user| patience(user), crate = ::limits)]
fn search(user: u32, page: &str) -> Result<usize, Error> {
    Ok(user as usize + page.len())
}

fn main() {
    let _ = search(1, "a");
}
