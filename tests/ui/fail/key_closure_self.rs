use rate_limited::{Error, rate_limited};

struct Api {
    id: u32,
}

impl Api {
    #[rate_limited(bucket = "kitsu", key = |self| self.id)]
    fn search(&self) -> Result<u32, Error> {
        Ok(self.id)
    }
}

fn main() {
    let _ = Api { id: 1 }.search();
}
