//! Every way in which a body ends comes by the reading.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use rate_limited::{ErrorKind, Registry, rate_limited};
use rate_limited_tests::Bench;

use crate::{Answer, ApiError, NAME, PAUSE, WINDOW, bench, busy, now, refusal, window};

#[track_caller]
fn pauses(bench: &Bench, call: impl Fn() -> Answer) {
    assert!(matches!(call(), Err(ApiError::Busy)));
    assert_eq!(refusal(call()).retry_after(), Some(PAUSE));
    bench.clock.advance(PAUSE);
    assert!(matches!(call(), Err(ApiError::Busy)));
}

#[rate_limited(bucket = NAME, registry = registry, feedback)]
fn sync(registry: &Registry, answer: impl FnOnce() -> Answer) -> Answer {
    answer()
}

#[rate_limited(bucket = NAME, registry = registry, feedback)]
async fn asynchronous(registry: &Registry, answer: impl AsyncFnOnce() -> Answer) -> Answer {
    answer().await
}

#[allow(clippy::manual_async_fn, reason = "the form under test")]
#[rate_limited(bucket = NAME, registry = registry, feedback)]
fn opaque(registry: &Registry, end: End) -> impl Future<Output = Answer> + Send {
    async move { end.come_to_it(registry) }
}

#[rate_limited(bucket = NAME, registry = registry, feedback)]
fn boxed(registry: &Registry, end: End) -> Pin<Box<dyn Future<Output = Answer> + Send + '_>> {
    let _ = registry.names();
    Box::pin(async move {
        std::future::ready(()).await;
        end.come_to_it(registry)
    })
}

#[async_trait::async_trait]
trait Remote {
    async fn fetch(&self, end: End) -> Answer;
}

#[async_trait::async_trait]
impl Remote for Registry {
    #[rate_limited(bucket = NAME, registry = self, feedback)]
    async fn fetch(&self, end: End) -> Answer {
        end.come_to_it(self)
    }
}

/// Ways in which a body ends.
#[derive(Clone, Copy, Debug)]
enum End {
    Tail,
    Return,
    QuestionMark,
    Loop,
}

impl End {
    const ALL: [End; 4] = [End::Tail, End::Return, End::QuestionMark, End::Loop];

    fn come_to_it(self, _: &Registry) -> Answer {
        match self {
            End::Tail => busy(),
            End::Return | End::Loop => Err(ApiError::Busy),
            End::QuestionMark => {
                busy()?;
                panic!("it went on")
            }
        }
    }
}

/// The same ways in the annotated body itself.
#[rate_limited(bucket = NAME, registry = registry, feedback)]
fn ends(registry: &Registry, end: End) -> Answer {
    match end {
        End::Tail => {}
        End::Return => return busy(),
        End::QuestionMark => {
            busy()?;
        }
        End::Loop => {
            let mut times = 0;
            return 'found: loop {
                loop {
                    times += 1;
                    if times == 1 {
                        continue 'found;
                    }
                    if times == 3 {
                        break 'found Err(ApiError::Busy);
                    }
                }
            };
        }
    }
    Err(ApiError::Busy)
}

#[rate_limited(bucket = NAME, registry = registry, feedback)]
async fn ends_asynchronously(registry: &Registry, end: End) -> Answer {
    std::future::ready(()).await;
    match end {
        End::Tail => {}
        End::Return => return busy(),
        End::QuestionMark => {
            async { busy() }.await?;
        }
        End::Loop => {
            let mut times = 0;
            return 'found: loop {
                loop {
                    times += 1;
                    if times == 1 {
                        continue 'found;
                    }
                    if times == 3 {
                        break 'found Err(ApiError::Busy);
                    }
                }
            };
        }
    }
    Err(ApiError::Busy)
}

#[test]
fn a_rejection_holds_later_calls_back_by_whatever_way_it_comes() {
    for end in End::ALL {
        let bench = bench();
        let registry = &bench.registry;
        pauses(&bench, || ends(registry, end));
        bench.registry.reset();
        pauses(&bench, || now(ends_asynchronously(registry, end)));
        bench.registry.reset();
        pauses(&bench, || now(opaque(registry, end)));
        bench.registry.reset();
        pauses(&bench, || now(boxed(registry, end)));
        bench.registry.reset();
        pauses(&bench, || now(registry.fetch(end)));
    }
}

#[test]
fn both_sides_of_a_result_speak() {
    let bench = bench();
    sync(&bench.registry, || Ok(window(0))).unwrap();
    assert_eq!(refusal(sync(&bench.registry, || Ok(window(0)))).kind(), ErrorKind::Limited);
    // Another function is another route.
    now(asynchronous(&bench.registry, async || Ok(window(0)))).unwrap();
    assert_eq!(
        refusal(now(asynchronous(&bench.registry, async || Ok(window(0))))).kind(),
        ErrorKind::Limited
    );
    bench.clock.advance(WINDOW + Duration::from_secs(1));
    pauses(&bench, || sync(&bench.registry, busy));
    pauses(&bench, || now(asynchronous(&bench.registry, async || busy())));
}
