use rate_limited::{Error, rate_limited};

#[rate_limited(bucket = "kitsu")]
trait Api {
    fn search(&self) -> Result<usize, Error> {
        Ok(1)
    }
}

fn main() {}
