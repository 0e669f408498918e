use rate_limited::{Error, rate_limited};

struct User;

#[rate_limited(bucket = "kitsu", key = user)]
fn search(user: &User) -> Result<u32, Error> {
    let User = user;
    Ok(1)
}

fn main() {
    let _ = search(&User);
}
