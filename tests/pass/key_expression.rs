//! `key = <expression>`: whatever is `Display`, borrowed.

use std::net::IpAddr;

use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.key_expression", Rate::per_second(1_000));

/// Somebody.
#[derive(Clone, Debug)]
pub struct User {
    /// Whose name.
    pub name: String,
}

impl User {
    fn initial(&self) -> Option<char> {
        self.name.chars().next()
    }
}

/// A field.
#[rate_limited(bucket = BUCKET, key = user.name)]
pub fn field(user: &User) -> Result<&str, Error> {
    Ok(&user.name)
}

/// A call.
#[rate_limited(bucket = BUCKET, key = user.initial().unwrap_or('-'))]
pub async fn call(user: User) -> Result<String, Error> {
    Ok(user.name)
}

/// A macro.
#[rate_limited(bucket = BUCKET, key = format!("{}:{port}", address.is_ipv4()))]
pub fn formatted(address: IpAddr, port: u16) -> Result<bool, Error> {
    let _ = port;
    Ok(address.is_ipv4())
}

/// Arithmetic, with brackets and without.
#[rate_limited(bucket = BUCKET, key = (number + 1) * 2)]
pub async fn sum(number: u32) -> Result<u32, Error> {
    Ok(number)
}

/// Something that its argument is borrowed for.
#[rate_limited(bucket = BUCKET, key = &user.name[1..])]
pub async fn slice(user: &User) -> Result<&str, Error> {
    Ok(&user.name)
}

#[test]
fn is_called() {
    use std::net::Ipv4Addr;

    let user = User { name: "ab".to_owned() };
    assert_eq!((field(&user).ok(), crate::run(slice(&user)).ok()), (Some("ab"), Some("ab")));
    assert_eq!(crate::run(crate::send(call(user))).ok().as_deref(), Some("ab"));
    assert_eq!(formatted(Ipv4Addr::LOCALHOST.into(), 80).ok(), Some(true));
    assert_eq!(crate::run(sum(1)).ok(), Some(1));
    for key in ["ab", "b", "a", "true:80", "4"] {
        assert_eq!(crate::used_by(&BUCKET, key), 1, "{key}");
    }
}
