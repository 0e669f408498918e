use rate_limited::{Error, rate_limited};

struct Api;

impl Api {
    #[rate_limited(bucket = "kitsu", permit = self)]
    fn search(&self) -> Result<u32, Error> {
        Ok(1)
    }
}

fn main() {
    let _ = Api.search();
}
