use rate_limited::rate_limited;

#[rate_limited(bucket = "kitsu")]
fn search() -> Vec<u8> {
    Vec::new()
}

fn main() {
    let _ = search();
}
