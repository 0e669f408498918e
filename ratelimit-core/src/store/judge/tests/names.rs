//! The names of entries, which stand in stores as long as states do.

use crate::store::ask::{Entry, escaped};

#[test]
fn names_are_as_they_are_told() {
    let api = escaped("api");
    assert_eq!(Entry::of_key(&api, None).to_string(), "api");
    assert_eq!(Entry::of_key(&api, Some("ann")).to_string(), "api:ann");
    assert_eq!(Entry::of_key(&api, Some("")).to_string(), "api:");
    assert_eq!(Entry::of_key(&api, Some("a:b/{c}%")).to_string(), "api:a:b/{c}%");
    assert_eq!(Entry::total(&api).to_string(), "api/total");
    let odd = escaped("%a:b/{c}");
    assert_eq!(Entry::of_key(&odd, Some("d")).to_string(), "%25a%3Ab%2F%7Bc%7D:d");
    assert_eq!(Entry::total(&odd).bucket(), "%25a%3Ab%2F%7Bc%7D");
}
