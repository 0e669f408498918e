use rate_limited::{Error, rate_limited};

struct User {
    id: u32,
}

#[rate_limited(bucket = "kitsu", key = "{}", user.id)]
fn search(user: &User) -> Result<u32, Error> {
    Ok(user.id)
}

fn main() {
    let _ = search(&User { id: 1 });
}
