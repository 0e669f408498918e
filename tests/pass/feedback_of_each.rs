//! `feedback` over bodies and heads that a closure or a block around the body could disturb.

use std::cell::Cell;
use std::error::Error as StdError;
use std::fmt::Display;
use std::future::Future;
use std::rc::Rc;

use futures::future::BoxFuture;
use rate_limited::feedback::Feedback;
use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.feedback_of_each", Rate::per_second(1_000));

const fn none<T: ?Sized>(_: &T) -> Option<Feedback> {
    None
}

/// Counts.
#[derive(Debug, Default)]
pub struct Counter<const N: usize> {
    pages: Vec<u32>,
    seen: u32,
}

impl<const N: usize> Counter<N> {
    /// What is returned is borrowed from `self`, mutably.
    #[rate_limited(bucket = BUCKET, feedback = none)]
    pub fn page(&mut self, number: usize) -> Result<&mut u32, Error> {
        self.seen += 1;
        self.pages.resize(number + 1, 0);
        let seen = self.seen;
        let page = &mut self.pages[number];
        *page += seen;
        Ok(page)
    }

    /// The same as a task.
    #[rate_limited(bucket = BUCKET, feedback = none)]
    pub async fn page_asynchronous(&mut self, number: usize) -> Result<&mut u32, Error> {
        std::future::ready(()).await;
        self.pages.resize(number + 1, 0);
        Ok(&mut self.pages[number])
    }

    /// By value, given back.
    #[rate_limited(bucket = BUCKET, feedback = none)]
    pub fn seen(mut self, times: u32) -> Result<Self, Error> {
        for _ in 0..N {
            self.seen += times;
        }
        Ok(self)
    }

    /// Parts are moved out.
    #[rate_limited(bucket = BUCKET, feedback = none)]
    pub async fn into_pages(self) -> Result<Vec<u32>, Error> {
        let Self { pages, .. } = self;
        std::future::ready(()).await;
        Ok(pages)
    }
}

/// Arguments of every kind, of which one is changed and one is not looked at.
#[rate_limited(bucket = BUCKET, key = "{name}", feedback = none)]
pub fn arguments<T: Display + Clone>(
    mut name: String,
    (left, ref right): (u32, String),
    [first, .., last]: [u32; 3],
    value: &T,
    _: u32,
    more: impl Fn(u32) -> u32,
) -> Result<String, Error> {
    name.push_str(right);
    Ok(format!("{name}{}{value}", more(left + first + last)))
}

/// A function of a number, or what went wrong.
pub type Added<F> = Result<Box<F>, Box<dyn StdError + Send + Sync>>;

/// A coercion at each end.
#[rate_limited(bucket = BUCKET, feedback = none)]
pub fn coerced(number: u32) -> Added<dyn Fn(u32) -> u32> {
    let last = match number {
        0 => return Ok(Box::new(|number| number)),
        1 => "x".parse::<u32>()?,
        2 => return Err("two".into()),
        _ => 3,
    };
    Ok(Box::new(move |more| more + number + last))
}

/// The same as a task.
#[rate_limited(bucket = BUCKET, feedback = none)]
pub async fn coerced_asynchronous(number: u32) -> Added<dyn Fn(u32) -> u32 + Send> {
    std::future::ready(()).await;
    if number == 0 {
        return Ok(Box::new(|number| number));
    }
    Ok(Box::new(move |more| more + number))
}

/// A closure.
#[rate_limited(bucket = BUCKET, feedback = none)]
pub fn opaque_closure(more: usize) -> Result<impl Fn(&str) -> usize, Error> {
    Ok(move |text: &str| text.len() + more)
}

/// The same as a task.
#[rate_limited(bucket = BUCKET, feedback = none)]
pub async fn opaque_closure_asynchronous(more: usize) -> Result<impl Fn(&str) -> usize, Error> {
    std::future::ready(()).await;
    Ok(move |text: &str| text.len() + more)
}

/// Items in front, labels, and a value that is only made to be given.
#[rate_limited(bucket = BUCKET, weight = WEIGHT, feedback = none)]
pub fn labels(most: u32) -> Result<u32, Error> {
    const WEIGHT: u32 = 2;

    let found = 'outer: loop {
        for number in 0..most {
            if number * number > most {
                break 'outer number;
            }
            if number > 1_000 {
                continue 'outer;
            }
        }
        break 0;
    };
    Ok(found)
}

/// What cannot be sent is made and gone before the body waits, and after.
#[rate_limited(bucket = BUCKET, feedback = none)]
pub async fn held(number: Cell<u32>) -> Result<u32, Error> {
    {
        let rc = Rc::new(number.get());
        number.set(*rc + 1);
    }
    std::future::ready(()).await;
    Ok(number.get())
}

/// What is given cannot be sent, and the future can.
#[rate_limited(bucket = BUCKET, feedback = none)]
pub async fn shared(number: u32) -> Result<Rc<u32>, Error> {
    std::future::ready(()).await;
    Ok(Rc::new(number))
}

/// At each level.
#[rate_limited(bucket = BUCKET, feedback = none)]
pub fn recursive(depth: u32) -> Result<u32, Error> {
    if depth == 0 { Ok(0) } else { Ok(recursive(depth - 1)? + 1) }
}

/// The same in a box.
#[must_use]
#[rate_limited(bucket = BUCKET, feedback = none)]
pub fn recursive_asynchronous(depth: u32) -> BoxFuture<'static, Result<u32, Error>> {
    Box::pin(async move { if depth == 0 { Ok(0) } else { Ok(recursive_asynchronous(depth - 1).await? + 1) } })
}

/// In a trait.
pub trait Source {
    /// What it gives.
    type Item: Clone + Send;

    /// The first.
    fn first(&self) -> Self::Item;

    /// A default.
    #[rate_limited(bucket = BUCKET, feedback = none)]
    fn fetch(&self) -> Result<Self::Item, Error> {
        Ok(self.first())
    }

    /// A default that is a future.
    #[rate_limited(bucket = BUCKET, feedback = none)]
    fn fetch_asynchronous(&self) -> impl Future<Output = Result<Self::Item, Error>> + Send
    where
        Self: Sync,
    {
        async move { Ok(self.first()) }
    }
}

impl Source for u32 {
    type Item = Self;

    fn first(&self) -> Self {
        *self
    }
}

/// Called from C.
#[rate_limited(bucket = BUCKET, feedback = none, on_limited = |_| -1)]
pub extern "C" fn foreign(number: i32) -> i32 {
    number
}

macro_rules! made {
    ($(#[$attribute:meta])* $name:ident($argument:ident) $body:block) => {
        $(#[$attribute])*
        #[rate_limited(bucket = BUCKET, feedback = |answer| none(answer))]
        pub async fn $name($argument: u32) -> Result<u32, Error> $body
    };
}

made!(
    /// By a macro.
    by_macro(number) {
        if number > 5 {
            return Ok(5);
        }
        Ok(number)
    }
);

/// Twice.
#[rate_limited(bucket = BUCKET, feedback = none)]
#[rate_limited(bucket = "pass.feedback_of_each", registry = rate_limited::Registry::global(), feedback = none)]
pub async fn stacked(text: &str) -> Result<&str, Error> {
    Ok(text)
}

#[test]
fn is_called() {
    let mut counter = Counter::<2>::default();
    assert_eq!(counter.page(1).map(|page| *page).ok(), Some(1));
    assert_eq!(crate::run(crate::send(counter.page_asynchronous(1))).map(|page| *page).ok(), Some(1));
    let pages = counter.seen(3).map(|counter| (counter.seen, crate::run(counter.into_pages()).ok()));
    assert_eq!(pages.ok(), Some((7, Some(vec![0, 1]))));
    let text = arguments("a".to_owned(), (1, "b".to_owned()), [1, 2, 3], &"c", 0, |number| number * 2);
    assert_eq!(text.ok().as_deref(), Some("ab10c"));
    assert_eq!(coerced(5).map(|add| add(1)).ok(), Some(9));
    assert!(coerced(1).is_err() && coerced(2).is_err());
    assert_eq!(crate::run(crate::send(coerced_asynchronous(5))).map(|add| add(1)).ok(), Some(6));
    assert_eq!(opaque_closure(2).map(|length| length("c")).ok(), Some(3));
    assert_eq!(
        crate::run(crate::send(opaque_closure_asynchronous(2))).map(|length| length("c")).ok(),
        Some(3)
    );
    assert_eq!(labels(10).ok(), Some(4));
    assert_eq!(crate::run(crate::send(held(Cell::new(4)))).ok(), Some(5));
    assert_eq!(crate::run(crate::send(shared(4))).ok().as_deref(), Some(&4));
    assert_eq!((recursive(2).ok(), crate::run(recursive_asynchronous(2)).ok()), (Some(2), Some(2)));
    assert_eq!((5.fetch().ok(), crate::run(5.fetch_asynchronous()).ok()), (Some(5), Some(5)));
    assert_eq!((foreign(4), crate::run(crate::send(by_macro(9))).ok()), (4, Some(5)));
    assert_eq!(crate::run(crate::send(stacked("a"))).ok(), Some("a"));
}
