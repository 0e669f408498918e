use rate_limited::rate_limited;

#[rate_limited(bucket = "kitsu", wieght = 2, key = |anything| anything, max_delay = 500)]
enum Endpoint {
    Search,
}

fn main() {
    let _ = Endpoint::Search;
}
