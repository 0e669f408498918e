use rate_limited::rate_limited;

#[rate_limited(bucket = "kitsu")]
macro_rules! answer {
    () => {
        1
    };
}

fn main() {
    let _ = answer!();
}
