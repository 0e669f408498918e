use rate_limited::{Error, rate_limited};

trait Api {
    #[rate_limited(bucket = "kitsu")]
    fn search(&self) -> Result<usize, Error>;
}

fn main() {}
