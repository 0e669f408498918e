use rate_limited::Error;

#[rate_limited::rate_limited(bucket = "kitsu", feedback = |_| None::<rate_limited::feedback::Feedback>)]
fn moved(page: String) -> Result<usize, Error> {
    drop(page);
    Ok(page.len())
}

#[rate_limited::rate_limited(bucket = "kitsu", feedback = |_| None::<rate_limited::feedback::Feedback>)]
async fn not_mutable(page: u32) -> Result<u32, Error> {
    page += 1;
    Ok(page)
}

#[rate_limited::rate_limited(bucket = "kitsu", feedback = |_| None::<rate_limited::feedback::Feedback>)]
fn outlives(page: &str) -> Result<&'static str, Error> {
    let held = page.to_owned();
    Ok(&held)
}

#[rate_limited::rate_limited(bucket = "kitsu", feedback = |_| None::<rate_limited::feedback::Feedback>)]
async fn borrowed_twice(pages: &mut Vec<u32>) -> Result<usize, Error> {
    let first = &mut pages[0];
    pages.push(1);
    *first += 1;
    Ok(pages.len())
}

fn main() {
    let _ = (moved(String::new()), not_mutable(1), outlives(""), borrowed_twice(&mut vec![1]));
}
