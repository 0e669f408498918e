use rate_limited::rate_limited;

#[rate_limited(bucket = "kitsu")]
static ANSWER: u32 = 1;

fn main() {
    let _ = ANSWER;
}
