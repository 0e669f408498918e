use rate_limited::rate_limited;

#[rate_limited(bucket = "kitsu")]
async fn search() {}

fn main() {
    let _ = search();
}
