//! Canonical functions, expanded: `UPDATE_EXPECT=1` writes them anew, then read the difference.

#![allow(clippy::needless_raw_string_hashes, reason = "`expect-test` writes them")]

mod functions;
mod values;

use expect_test::{Expect, expect};

use super::{expand, tokens};

#[track_caller]
fn expands(args: &str, item: &str, expected: &Expect) {
    let file = syn::parse2(expand(tokens(args), &tokens(item))).unwrap();
    expected.assert_eq(&prettyplease::unparse(&file));
}

#[test]
fn a_sync_function() {
    expands(
        r#"bucket = "kitsu", key = |user, &page| format!("{user}/{page}"), weight = 2, max_delay = "500ms""#,
        "/// Docs.\n#[inline] pub(crate) fn search(user: u32, page: &str) -> Result<usize, Error> { Ok(1) }",
        &expect![[r#"
            /// Docs.
            #[inline]
            pub(crate) fn search(user: u32, page: &str) -> Result<usize, Error> {
                let __permit = {
                    let __call = ::rate_limited::__private::Site::call({
                        static SITE: ::rate_limited::__private::Site = ::rate_limited::__private::Site::named(
                            "kitsu",
                            ::core::concat!(::core::module_path!(), "::", "search"),
                        );
                        &SITE
                    });
                    let __call = ::rate_limited::__private::Call::key(
                        __call,
                        &::rate_limited::__private::apply(
                            (&user, &page),
                            |(user, &page)| format!("{user}/{page}"),
                        ),
                    );
                    let __call = ::rate_limited::__private::Call::weight(__call, 2u32);
                    let __max_delay: ::core::time::Duration = ::core::time::Duration::from_nanos(
                        500000000u64,
                    );
                    let __call = ::rate_limited::__private::Call::max_delay(__call, __max_delay);
                    match ::rate_limited::__private::Call::acquire(__call) {
                        ::core::result::Result::Ok(__permit) => __permit,
                        ::core::result::Result::Err(__error) => {
                            return ::rate_limited::__private::FromLimited::from_limited(__error);
                        }
                    }
                };
                Ok(1)
            }
        "#]],
    );
}

#[test]
fn an_async_function_with_its_own_rate() {
    expands(
        r#"rate = "5/2s", burst = 10, key = "{user}{{{user:>width$}", max_delay = "forever""#,
        "async fn search<T: Display>(user: T, width: usize) -> Result<usize, Error> { helper().await }",
        &expect![[r#"
            async fn search<T: Display>(user: T, width: usize) -> Result<usize, Error> {
                let __permit = {
                    let __call = ::rate_limited::__private::Site::call({
                        static SITE: ::rate_limited::__private::Site = ::rate_limited::__private::Site::own(
                            ::core::concat!(
                                ::core::module_path!(), "::", "search", "@", ::core::line!(), ":",
                                ::core::column!()
                            ),
                            ::rate_limited::__private::Rate::new(
                                    5u32,
                                    ::core::time::Duration::from_nanos(2000000000u64),
                                )
                                .burst(10u32),
                            ::core::concat!(::core::module_path!(), "::", "search"),
                        );
                        &SITE
                    });
                    let __call = ::rate_limited::__private::Call::key(
                        __call,
                        &::core::format_args!("{user}{{{user:>width$}", user = user, width = width),
                    );
                    let __max_delay: ::core::time::Duration = ::core::time::Duration::MAX;
                    let __call = ::rate_limited::__private::Call::max_delay(__call, __max_delay);
                    match ::rate_limited::__private::Call::acquire_async(__call).await {
                        ::core::result::Result::Ok(__permit) => __permit,
                        ::core::result::Result::Err(__error) => {
                            return ::rate_limited::__private::FromLimited::from_limited(__error);
                        }
                    }
                };
                helper().await
            }
        "#]],
    );
}

#[test]
fn a_method_with_expressions_everywhere() {
    expands(
        "bucket = self.bucket, registry = self.limits, key = self.id, weight = ids.len(), \
         max_delay = |ids: &[u32]| patience(ids), crate = crate::limits, on_limited = |error| self.busy(error)",
        "fn batch(&self, ids: &[u32]) -> Answer { self.send(ids) }",
        &expect![[r#"
            fn batch(&self, ids: &[u32]) -> Answer {
                let __permit = {
                    let __call = {
                        let __registry = &self.limits;
                        crate::limits::__private::Site::call_on_in(
                            {
                                static SITE: crate::limits::__private::Site = crate::limits::__private::Site::dynamic(
                                    ::core::concat!(::core::module_path!(), "::", "batch"),
                                );
                                &SITE
                            },
                            __registry,
                            &self.bucket,
                        )
                    };
                    let __call = crate::limits::__private::Call::key(__call, &self.id);
                    let __call = crate::limits::__private::Call::weight(__call, ids.len());
                    let __max_delay: ::core::time::Duration = crate::limits::__private::apply(
                        (&ids,),
                        |(ids,): (&[u32],)| patience(ids),
                    );
                    let __call = crate::limits::__private::Call::max_delay(__call, __max_delay);
                    match crate::limits::__private::Call::acquire(__call) {
                        ::core::result::Result::Ok(__permit) => __permit,
                        ::core::result::Result::Err(__error) => {
                            return crate::limits::__private::apply(__error, |error| self.busy(error));
                        }
                    }
                };
                self.send(ids)
            }
        "#]],
    );
}

#[test]
fn a_boxed_future() {
    expands(
        r#"bucket = "kitsu""#,
        "fn search(&self) -> BoxFuture<'_, Answer> { let url = self.url(); Box::pin(async move { get(url).await }) }",
        &expect![[r#"
            fn search(&self) -> BoxFuture<'_, Answer> {
                let url = self.url();
                Box::pin(async move {
                    let __permit = {
                        let __call = ::rate_limited::__private::Site::call({
                            static SITE: ::rate_limited::__private::Site = ::rate_limited::__private::Site::named(
                                "kitsu",
                                ::core::concat!(::core::module_path!(), "::", "search"),
                            );
                            &SITE
                        });
                        match ::rate_limited::__private::Call::acquire_async(__call).await {
                            ::core::result::Result::Ok(__permit) => __permit,
                            ::core::result::Result::Err(__error) => {
                                return ::rate_limited::__private::FromLimited::from_limited(__error);
                            }
                        }
                    };
                    get(url).await
                })
            }
        "#]],
    );
}

#[test]
fn what_never_returns_silences_one_lint() {
    expands(
        r#"bucket = "kitsu", on_limited = |_| exit(1)"#,
        "fn run() -> ! { #![expect(dead_code)] use std::process::exit; exit(0) }",
        &expect![[r##"
            #[expect(dead_code)]
            fn run() -> ! {
                use std::process::exit;
                #[allow(unreachable_code, clippy::diverging_sub_expression)]
                let __permit = {
                    let __call = ::rate_limited::__private::Site::call({
                        static SITE: ::rate_limited::__private::Site = ::rate_limited::__private::Site::named(
                            "kitsu",
                            ::core::concat!(::core::module_path!(), "::", "run"),
                        );
                        &SITE
                    });
                    match ::rate_limited::__private::Call::acquire(__call) {
                        ::core::result::Result::Ok(__permit) => __permit,
                        ::core::result::Result::Err(__error) => {
                            return ::rate_limited::__private::apply(__error, |_| exit(1));
                        }
                    }
                };
                exit(0)
            }
        "##]],
    );
}

#[test]
fn a_mistake_leaves_the_function_as_it_is() {
    expands(
        r#"bukket = "kitsu""#,
        "fn search() -> Answer { get() }",
        &expect![[r#"
        fn search() -> Answer {
            get()
        }
        ::core::compile_error! {
            "unknown parameter `bukket`; did you mean `bucket`?"
        }
    "#]],
    );
}
