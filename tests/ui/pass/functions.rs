//! Plain functions of every shape, under every lint that is on by default.

#![deny(warnings)]

use std::fmt::{Debug, Display};

use rate_limited::{Error, rate_limited};

#[rate_limited(bucket = "kitsu", key = first)]
fn borrows<'a>(first: &'a str, _second: &str) -> Result<&'a str, Error> {
    Ok(first)
}

#[rate_limited(bucket = "kitsu", key = "{value}")]
pub(crate) fn generic<T, const N: usize>(value: T, many: [u8; N]) -> Result<(T, usize), Error>
where
    T: Display,
{
    Ok((value, many.len()))
}

#[rate_limited(bucket = "kitsu", key = |value| value.to_string())]
fn impl_trait(value: impl Display, other: &dyn Debug) -> Result<impl Iterator<Item = u8>, Error> {
    let _ = (value, other);
    Ok(std::iter::empty())
}

#[rate_limited(bucket = "kitsu", weight = values.len())]
fn reborrows(values: &mut Vec<u32>) -> Result<&mut u32, Error> {
    values.push(1);
    values.last_mut().map_or_else(|| unreachable!(), Ok)
}

#[rate_limited(bucket = "kitsu")]
fn coerces(flag: bool) -> Result<Box<dyn Fn(u32) -> u32>, Error> {
    if flag {
        return Ok(Box::new(|x| x));
    }
    Ok(Box::new(move |x| x + u32::from(flag)))
}

struct Pair {
    left: u32,
    right: (u32, u32),
}

#[rate_limited(bucket = "kitsu", key = |a, c, tail| a + c + tail.len() as u32, weight = *b)]
fn patterns(
    (mut a, ref b): (u32, u32),
    Pair { left: c, right: (_, d) }: Pair,
    [e, tail @ ..]: [u8; 3],
    _: u8,
    f @ (0 | 1..): u64,
) -> Result<u64, Error> {
    a += b + c + d;
    Ok(u64::from(a) + u64::from(e) + u64::from(tail[0]) + f)
}

#[must_use]
#[inline]
#[track_caller]
#[rate_limited(bucket = "kitsu", on_limited = |_| 0)]
fn attributes(#[cfg(all())] x: u32, #[cfg(any())] y: u32, #[allow(unused)] z: u32) -> u32 {
    #![allow(unused_parens)]
    (x)
}

#[rate_limited(bucket = "kitsu", key = r#type, weight = r#fn)]
fn r#match(r#type: &str, r#fn: u32) -> Result<u32, Error> {
    Ok(r#fn + r#type.len() as u32)
}

#[rate_limited(bucket = "kitsu", on_limited = |error| panic!("{error}"))]
fn never(code: i32) -> ! {
    std::process::exit(code)
}

#[rate_limited(bucket = "kitsu")]
fn items() -> Result<u32, Error> {
    use std::cmp::max;

    const LEAST: u32 = 1;

    #[rate_limited(bucket = "kitsu")]
    fn inner() -> Result<u32, Error> {
        Ok(2)
    }

    Ok(max(inner()?, LEAST))
}

#[rate_limited(bucket = "kitsu")]
fn recursive(depth: u32) -> Result<u32, Error> {
    if depth == 0 { Ok(0) } else { recursive(depth - 1) }
}

#[::rate_limited::rate_limited(bucket = "kitsu",)]
#[cfg_attr(all(), rate_limited::rate_limited(rate = "1/s", max_delay = "0s"))]
fn stacked() -> std::io::Result<()> {
    Ok(())
}

fn main() {
    let _ = borrows("a", "b");
    let _ = generic(1, [0; 3]);
    let _ = impl_trait(1, &2).map(Iterator::count);
    let _ = reborrows(&mut vec![1]).map(|x| *x);
    let _ = coerces(true).map(|f| f(1));
    let _ = patterns((1, 1), Pair { left: 1, right: (1, 1) }, [1, 2, 3], 0, 1);
    let _ = attributes(1, 2);
    let _ = r#match("a", 1);
    let _ = items();
    let _ = recursive(2);
    let _ = stacked();
    if std::env::args().count() > 100 {
        never(1);
    }
}
