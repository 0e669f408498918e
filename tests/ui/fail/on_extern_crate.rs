use rate_limited::rate_limited;

#[rate_limited(bucket = "kitsu")]
extern crate alloc;

fn main() {
    let _ = alloc::vec![1];
}
