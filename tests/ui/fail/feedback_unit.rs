use rate_limited::rate_limited;

#[rate_limited(bucket = "kitsu", feedback, on_limited = |error| eprintln!("{error}"))]
fn send() {}

fn main() {}
