use rate_limited::rate_limited;

unsafe extern "C" {
    #[rate_limited(bucket = "kitsu")]
    fn search() -> i32;
}

fn main() {}
