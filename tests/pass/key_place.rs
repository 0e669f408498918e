//! Keys that name a place, at the end of a closure, an `if`, a `match` or a block: borrowed where they are named.

use std::collections::BTreeMap;

use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.key_place", Rate::per_second(1_000));

/// Somebody.
#[derive(Debug)]
pub struct User {
    /// What he is called.
    pub name: String,
    /// Whom he works for.
    pub team: Option<String>,
}

/// A field.
#[rate_limited(bucket = BUCKET, key = |user| user.name)]
pub async fn field(user: User) -> Result<usize, Error> {
    Ok(user.name.len())
}

/// The first of two.
#[rate_limited(bucket = BUCKET, key = |pair| pair.0)]
pub async fn tuple(pair: (String, u32)) -> Result<u32, Error> {
    Ok(pair.1)
}

/// One of two, in a closure.
#[rate_limited(bucket = BUCKET, key = move |user| match &user.team {
    Some(team) => *team,
    None => user.name,
})]
pub async fn branches(user: &User) -> Result<usize, Error> {
    Ok(user.name.len())
}

/// One of two, by `if let`, of which a lint has an opinion.
#[rate_limited(bucket = BUCKET, key = |user| if let Some(team) = &user.team { *team } else { user.name })]
pub async fn chosen(user: &User) -> Result<usize, Error> {
    Ok(user.name.len())
}

/// What the pattern binds.
#[rate_limited(bucket = BUCKET, key = |&id| id)]
pub async fn pattern(id: u32) -> Result<u32, Error> {
    Ok(id)
}

/// A variable of the closure's own.
#[rate_limited(bucket = BUCKET, key = |name| {
    let name = name.to_uppercase();
    name
})]
pub async fn variable(name: &str) -> Result<usize, Error> {
    Ok(name.len())
}

/// What is left early is a key too.
#[rate_limited(bucket = BUCKET, key = |a, b| {
    if a.is_empty() {
        return *b;
    }
    *a
})]
pub async fn left_early(a: &str, b: &str) -> Result<usize, Error> {
    Ok(a.len() + b.len())
}

/// Names of people.
#[derive(Debug)]
pub struct Names {
    /// By number.
    names: BTreeMap<u32, String>,
    /// Everybody else's.
    other: String,
}

impl Names {
    /// An index.
    #[rate_limited(bucket = BUCKET, key = |id| self.names[id])]
    pub async fn index(&self, id: u32) -> Result<usize, Error> {
        Ok(self.names.len() + usize::from(id == 0))
    }

    /// One of two.
    #[rate_limited(bucket = BUCKET, key = if id == 1 { self.names[&id] } else { self.other })]
    pub async fn condition(&self, id: u32) -> Result<usize, Error> {
        Ok(self.names.len() + usize::from(id == 0))
    }

    /// Of no argument.
    #[rate_limited(bucket = BUCKET, key = || self.other)]
    pub fn without_arguments(&self) -> Result<usize, Error> {
        Ok(self.names.len())
    }
}

#[test]
fn is_called() {
    let user = |name: &str, team: Option<&str>| User { name: name.to_owned(), team: team.map(str::to_owned) };
    assert_eq!(crate::run(crate::send(field(user("one", None)))).ok(), Some(3));
    assert_eq!(crate::run(crate::send(tuple(("two".to_owned(), 2)))).ok(), Some(2));
    assert_eq!(crate::run(crate::send(branches(&user("three", None)))).ok(), Some(5));
    assert_eq!(crate::run(crate::send(branches(&user("one", Some("four"))))).ok(), Some(3));
    assert_eq!(crate::run(crate::send(chosen(&user("three", Some("team"))))).ok(), Some(5));
    assert_eq!(crate::run(crate::send(pattern(5))).ok(), Some(5));
    assert_eq!(crate::run(crate::send(variable("six"))).ok(), Some(3));
    assert_eq!(crate::run(crate::send(left_early("", "seven"))).ok(), Some(5));
    assert_eq!(crate::run(crate::send(left_early("eight", ""))).ok(), Some(5));
    let names = Names { names: BTreeMap::from([(1, "nine".to_owned())]), other: "ten".to_owned() };
    assert_eq!(crate::run(crate::send(names.index(1))).ok(), Some(1));
    assert_eq!(crate::run(crate::send(names.condition(1))).ok(), Some(1));
    assert_eq!(crate::run(crate::send(names.condition(2))).ok(), Some(1));
    assert_eq!(names.without_arguments().ok(), Some(1));
    for (key, used) in [
        ("one", 1),
        ("two", 1),
        ("three", 1),
        ("four", 1),
        ("team", 1),
        ("5", 1),
        ("SIX", 1),
        ("seven", 1),
        ("eight", 1),
        ("nine", 2),
        ("ten", 2),
    ] {
        assert_eq!(crate::used_by(&BUCKET, key), used, "{key}");
    }
}
