use rate_limited::rate_limited;

struct Client;

#[async_trait::async_trait]
trait Api {
    async fn search(&self) -> Result<u8, String>;
}

#[async_trait::async_trait]
impl Api for Client {
    #[rate_limited(bucket = "kitsu")]
    async fn search(&self) -> Result<u8, String> {
        Ok(1)
    }
}

fn main() {
    let _ = Client.search();
}
