use rate_limited::{Error, rate_limited};

struct Account {
    home: std::path::PathBuf,
}

#[rate_limited(bucket = "kitsu", key = account.home)]
fn search(account: &Account) -> Result<usize, Error> {
    Ok(account.home.as_os_str().len())
}

fn main() {
    let _ = search(&Account { home: "/".into() });
}
