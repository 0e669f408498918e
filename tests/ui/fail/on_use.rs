use rate_limited::rate_limited;

#[rate_limited(bucket = "kitsu")]
use std::fs::read;

fn main() {
    let _ = read("");
}
