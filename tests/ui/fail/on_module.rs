use rate_limited::rate_limited;

#[rate_limited(bucket = "kitsu")]
mod api {}

fn main() {}
