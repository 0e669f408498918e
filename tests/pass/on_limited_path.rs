//! `on_limited = path`: a function, a method, a variant.

use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.on_limited_path", Rate::per_day(1));

/// An answer.
#[derive(Debug)]
pub enum Answer {
    /// A number.
    Number(u32),
    /// Refused.
    Refused(Error),
}

impl Answer {
    const fn refused(error: Error) -> Self {
        Self::Refused(error)
    }
}

fn text(error: Error) -> Result<u32, String> {
    Err(Answer::Refused(error).name().to_owned())
}

impl Answer {
    const fn name(&self) -> &'static str {
        match self {
            Self::Number(_) => "number",
            Self::Refused(_) => "refused",
        }
    }
}

/// A function.
#[rate_limited(bucket = BUCKET, weight = weight, on_limited = text)]
pub fn function(weight: u32) -> Result<u32, String> {
    Ok(weight)
}

/// A variant.
#[rate_limited(bucket = BUCKET, weight = weight, on_limited = Answer::Refused)]
pub async fn variant(weight: u32) -> Answer {
    Answer::Number(weight)
}

/// A method.
#[rate_limited(bucket = BUCKET, weight = weight, on_limited = Answer::refused)]
pub async fn method(weight: u32) -> Answer {
    Answer::Number(weight)
}

/// A variant of the library's.
#[rate_limited(bucket = BUCKET, weight = weight, on_limited = Err)]
pub async fn error(weight: u32) -> Result<u32, Error> {
    Ok(weight)
}

#[test]
fn is_called() {
    assert_eq!(function(0).ok(), Some(0));
    assert_eq!(function(9).err().as_deref(), Some("refused"));
    let answers = (crate::run(variant(9)), crate::run(crate::send(method(0))), crate::run(method(9)));
    assert_eq!((answers.0.name(), answers.1.name(), answers.2.name()), ("refused", "number", "refused"));
    assert!(crate::run(error(9)).is_err());
}
