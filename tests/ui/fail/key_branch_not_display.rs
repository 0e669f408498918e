use rate_limited::{Error, rate_limited};

#[rate_limited(bucket = "kitsu", key = if user == 0 { names.0 } else { names.1 })]
fn search(user: u32, names: &(String, Vec<u8>)) -> Result<usize, Error> {
    Ok(user as usize + names.1.len())
}

fn main() {
    let _ = search(1, &(String::new(), Vec::new()));
}
