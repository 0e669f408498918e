use rate_limited::rate_limited;

macro_rules! make {
    () => {
        fn made() {}
    };
}

#[rate_limited(bucket = "kitsu")]
make!();

fn main() {
    made();
}
