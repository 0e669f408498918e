//! Functions that return a future, limited where it runs.

#![deny(warnings)]

use std::future::Future;
use std::pin::Pin;

use futures::FutureExt;
use futures::future::{BoxFuture, LocalBoxFuture};
use rate_limited::{Error, rate_limited};

#[rate_limited(bucket = "kitsu", key = id)]
fn boxed(id: u32) -> Pin<Box<dyn Future<Output = Result<u32, Error>> + Send>> {
    let next = id + 1;
    Box::pin(async move { Ok(next) })
}

#[rate_limited(bucket = "kitsu", key = text)]
fn alias<'a>(text: &'a str) -> BoxFuture<'a, Result<&'a str, Error>> {
    if text.is_empty() {
        println!("empty");
    }
    async move { Ok(text) }.boxed()
}

#[rate_limited(bucket = "kitsu")]
fn local(text: std::rc::Rc<str>) -> LocalBoxFuture<'static, std::io::Result<std::rc::Rc<str>>> {
    async move {
        std::future::ready(()).await;
        Ok(text)
    }
    .boxed_local()
}

#[rate_limited(bucket = "kitsu")]
#[allow(clippy::manual_async_fn)]
fn opaque<T: Clone + Send>(value: T) -> impl Future<Output = Result<T, Error>> + Send {
    async move { Ok(value.clone()) }
}

#[rate_limited(bucket = "kitsu", on_limited = |_| 0)]
fn unfailing() -> impl Future<Output = u32> {
    async { 1 }
}

#[rate_limited(bucket = "kitsu")]
fn qualified() -> Pin<Box<dyn Future<Output = Result<(), Error>>>> {
    ::std::boxed::Box::pin(async {
        use std::future::ready;
        ready(()).await;
        Ok(())
    })
}

type Answer = Pin<Box<dyn Future<Output = Result<(), Error>>>>;

#[rate_limited(bucket = "kitsu")]
fn behind_an_alias() -> Answer {
    Box::pin(async move { Ok(()) })
}

/// A future inside another type is data: this one is limited when it is called.
#[rate_limited(bucket = "kitsu")]
fn inside() -> Result<BoxFuture<'static, u32>, Error> {
    Ok(async { 1 }.boxed())
}

#[rate_limited(bucket = "kitsu")]
async fn nested() -> Result<BoxFuture<'static, u32>, Error> {
    Ok(Box::pin(async move { 1 }))
}

fn main() {
    drop((boxed(1), alias("a"), local("a".into()), opaque("a"), unfailing(), qualified(), behind_an_alias(), nested()));
    let _ = inside().map(drop);
}
