use rate_limited::{Error, rate_limited};

#[rate_limited(bucket = "kitsu", max_delay = patience)]
fn search(patience: Option<std::time::Duration>) -> Result<bool, Error> {
    Ok(patience.is_some())
}

fn main() {
    let _ = search(None);
}
