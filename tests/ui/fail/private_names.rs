use rate_limited::{Error, rate_limited};

#[rate_limited(bucket = "kitsu")]
fn search() -> Result<u32, Error> {
    drop(__permit);
    let _ = &SITE;
    Ok(1)
}

fn main() {
    let _ = search();
}
