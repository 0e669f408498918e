//! `on_limited` may use the arguments that the body would have had, and move them.

use rate_limited::{Bucket, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.on_limited_sees_arguments", Rate::per_day(1));

/// Gives it back either way.
#[rate_limited(bucket = BUCKET, weight = weight, on_limited = |_| (false, text))]
#[must_use]
pub fn moved(text: String, weight: u32) -> (bool, String) {
    let _ = weight;
    (true, text)
}

/// Has a reserve.
#[derive(Debug)]
pub struct Api {
    reserve: String,
}

impl Api {
    /// A text, or the reserve.
    #[rate_limited(bucket = BUCKET, weight = weight, on_limited = |_| &self.reserve)]
    pub async fn text<'a>(&'a self, text: &'a str, weight: u32) -> &'a str {
        let _ = weight;
        text
    }
}

#[test]
fn is_called() {
    assert_eq!(
        (moved("a".to_owned(), 0), moved("b".to_owned(), 9)),
        ((true, "a".into()), (false, "b".into()))
    );
    let api = Api { reserve: "reserve".to_owned() };
    assert_eq!((crate::run(api.text("a", 0)), crate::run(crate::send(api.text("a", 9)))), ("a", "reserve"));
}
