use rate_limited::rate_limited;

#[rate_limited(bucket = "kitsu")]
unsafe extern "C" {
    safe fn abs(number: i32) -> i32;
}

fn main() {
    abs(-1);
}
