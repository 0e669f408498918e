use rate_limited::rate_limited;

#[rate_limited(bucket = "kitsu")]
type Answer = u32;

fn main() {
    let _: Answer = 1;
}
