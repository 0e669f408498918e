use rate_limited::{Error, rate_limited};

#[async_trait::async_trait]
trait Api {
    async fn search(&self, range: (u32, u32)) -> Result<u32, Error>;
}

struct Kitsu;

#[async_trait::async_trait]
impl Api for Kitsu {
    #[rate_limited(bucket = "kitsu", key = |from| from + 1)]
    async fn search(&self, (from, to): (u32, u32)) -> Result<u32, Error> {
        Ok(to - from)
    }
}

fn main() {
    drop(Kitsu.search((1, 2)));
}
