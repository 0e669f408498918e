use rate_limited::rate_limited;

#[rate_limited(bucket = "kitsu")]
struct Api;

fn main() {
    let _ = Api;
}
