//! Items that lead the body stay in front of it: behind the prologue they would be a lint of clippy's.

#![deny(warnings, clippy::pedantic)]

use rate_limited::{Error, rate_limited};

#[rate_limited(bucket = "kitsu", key = "{user}/{user:>8}")]
async fn items(user: u32) -> Result<u32, Error> {
    extern crate alloc;
    use std::future::ready;
    pub fn public(number: u32) -> u32 {
        number
    }
    extern "C" fn foreign(number: u32) -> u32 {
        number
    }
    async fn later(number: u32) -> u32 {
        ready(number).await
    }
    #[allow(dead_code)]
    union Number {
        whole: u32,
    }
    let number = Number { whole: later(user).await };
    drop(alloc::vec![number]);
    Ok(foreign(public(user)))
}

fn main() {
    drop(items(1));
}
