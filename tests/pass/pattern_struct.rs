//! Arguments that are taken apart as structs, with new names or the fields' own.

use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.pattern_struct", Rate::per_second(1_000));

/// A page of somebody.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    /// Whose.
    pub user: u32,
    /// Which.
    pub number: u32,
}

/// A wrapper.
#[derive(Clone, Copy, Debug)]
pub struct Id(pub u32);

/// Adds all.
#[rate_limited(bucket = BUCKET, key = "{user}/{page}/{id}")]
pub fn add(Page { user, number: page }: Page, Id(id): Id) -> Result<u32, Error> {
    Ok(user + page + id)
}

/// Two of them.
#[derive(Clone, Copy, Debug)]
pub struct Pair {
    /// A number.
    pub left: u32,
    /// Two more.
    pub right: (u32, u32),
}

/// Adds what has a name.
#[rate_limited(bucket = BUCKET, key = |left, right| left + right)]
pub fn nested(Pair { left, right: (_, right) }: Pair) -> Result<u32, Error> {
    Ok(left + right)
}

/// The page alone.
#[rate_limited(bucket = BUCKET, key = page)]
pub async fn number(Page { number: ref page, .. }: Page) -> Result<u32, Error> {
    Ok(*page)
}

#[test]
fn is_called() {
    let page = Page { user: 1, number: 2 };
    assert_eq!(add(page, Id(3)).ok(), Some(6));
    assert_eq!(crate::used_by(&BUCKET, "1/2/3"), 1);
    assert_eq!(nested(Pair { left: 7, right: (8, 9) }).ok(), Some(16));
    assert_eq!(crate::used_by(&BUCKET, "16"), 1);
    assert_eq!(crate::run(number(page)).ok(), Some(2));
    assert_eq!(crate::used_by(&BUCKET, "2"), 1);
}
