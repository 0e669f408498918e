use rate_limited::{Error, rate_limited};

#[rate_limited(bucket = "kitsu")]
fn annotated(page: &str) -> Result<u32, Error> {
    let number: u32 = page;
    "5".parse::<u32>()?;
    number;
}

// The same without the attribute: the compiler must say the same.
fn plain(page: &str) -> Result<u32, Error> {
    let number: u32 = page;
    "5".parse::<u32>()?;
    number;
}

fn main() {
    let _ = (annotated("1"), plain("1"));
}
