#![deny(warnings)]

use rate_limited::Error;

#[rate_limited::rate_limited(bucket = "kitsu")]
fn unused(page: u32, mut unmodified: u32) -> Result<u32, Error> {
    let spare = 1;
    Ok(unmodified)
}

#[rate_limited::rate_limited(bucket = "kitsu")]
async fn unreachable() -> Result<u32, Error> {
    return Ok(1);
    println!("never");
}

#[rate_limited::rate_limited(bucket = "kitsu")]
fn shadows(page: u32) -> Result<u32, Error> {
    let page = (page + 1);
    unused(page, page);
    std::future::ready(page);
    Ok(page)
}

#[rate_limited::rate_limited(bucket = "kitsu")]
fn nobody_calls_it() -> Result<u32, Error> {
    Ok(1)
}

#[rate_limited::rate_limited(bucket = "kitsu")]
fn NotSnakeCase() -> Result<u32, Error> {
    while true {
        unsafe {}
    }
    Ok(1)
}

fn main() {
    drop((unreachable(), shadows(1), NotSnakeCase()));
}
