use rate_limited::{Error, rate_limited};

struct Api;

#[rate_limited(bucket = "kitsu")]
impl Api {
    fn search(&self) -> Result<usize, Error> {
        Ok(1)
    }
}

fn main() {
    let _ = Api.search();
}
