//! Methods of traits of others, in an implementation.

use std::io::{self, Read, Write};
use std::str::FromStr;

use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.trait_impl_sync", Rate::per_second(1_000));

/// Reads the letter a and writes nowhere.
#[derive(Clone, Copy, Debug, Default)]
pub struct Letters;

impl Read for Letters {
    #[rate_limited(bucket = BUCKET, key = || "read", weight = buf.len())]
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        buf.fill(b'a');
        Ok(buf.len())
    }
}

impl Write for Letters {
    #[rate_limited(bucket = BUCKET, key = || "write", weight = |buf| buf.len())]
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        Ok(buf.len())
    }

    #[rate_limited(bucket = BUCKET)]
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl FromStr for Letters {
    type Err = Error;

    #[rate_limited(bucket = BUCKET, key = "{text}")]
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let _ = text;
        Ok(Self)
    }
}

#[test]
fn is_called() -> io::Result<()> {
    let mut letters: Letters = "text".parse()?;
    let mut three = [0; 3];
    letters.read_exact(&mut three)?;
    assert_eq!(&three, b"aaa");
    letters.write_all(b"ab")?;
    letters.flush()?;
    for (key, used) in [("text", 1), ("read", 3), ("write", 2)] {
        assert_eq!(crate::used_by(&BUCKET, key), used);
    }
    assert_eq!(crate::used(&BUCKET), 1);
    Ok(())
}
