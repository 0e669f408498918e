use rate_limited::{Error, rate_limited};

#[rate_limited(bucket = "kitsu", key = "{r#type}")]
fn search(r#type: u32) -> Result<u32, Error> {
    Ok(r#type)
}

fn main() {
    let _ = search(1);
}
