use rate_limited::rate_limited;

#[rate_limited(bucket = "kitsu")]
const LIMIT: u32 = 5;

fn main() {
    let _ = LIMIT;
}
