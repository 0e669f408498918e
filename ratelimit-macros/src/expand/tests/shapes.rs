//! Canonical functions, expanded: `UPDATE_EXPECT=1` writes them anew, then read the difference.

#![allow(clippy::needless_raw_string_hashes, reason = "`expect-test` writes them")]

mod answers;
mod functions;
mod places;
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
                    use ::rate_limited::__private as __rate_limited;
                    let __key = __rate_limited::key(
                        &__rate_limited::apply(
                            (&user, &page),
                            |(user, &page)| format!("{user}/{page}"),
                        ),
                    );
                    let __permit = __rate_limited::Site::acquire_with(
                        {
                            static SITE: __rate_limited::Site = __rate_limited::Site::named(
                                "kitsu",
                                ::core::concat!(::core::module_path!(), "::", "search"),
                            );
                            &SITE
                        },
                        __key,
                        __rate_limited::Some(2u32),
                        __rate_limited::Some(500000000u64),
                    );
                    if let __rate_limited::Err(__error) = __permit {
                        return __rate_limited::FromLimited::from_limited(__error);
                    }
                    __permit
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
                    use ::rate_limited::__private as __rate_limited;
                    let __key = __rate_limited::key(
                        &::core::format_args!("{user}{{{user:>width$}", user = user, width = width),
                    );
                    let __permit = __rate_limited::Site::acquire_async_with(
                            {
                                static SITE: __rate_limited::Site = __rate_limited::Site::own(
                                    ::core::concat!(
                                        ::core::module_path!(), "::", "search", "@", ::core::line!(),
                                        ":", ::core::column!()
                                    ),
                                    __rate_limited::Rate::new(
                                            5u32,
                                            ::core::time::Duration::from_nanos(2000000000u64),
                                        )
                                        .burst(10u32),
                                    ::core::concat!(::core::module_path!(), "::", "search"),
                                );
                                &SITE
                            },
                            __key,
                            __rate_limited::Some(1),
                            __rate_limited::Some(18446744073709551615u64),
                        )
                        .await;
                    if let __rate_limited::Err(__error) = __permit {
                        return __rate_limited::FromLimited::from_limited(__error);
                    }
                    __permit
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
                self.send(ids)
            }
            ::core::compile_error! {
                "`ids` is given by reference; write `|ids: &&[u32]|`, or leave the type out"
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
                        use ::rate_limited::__private as __rate_limited;
                        let __permit = __rate_limited::Site::acquire_async({
                                static SITE: __rate_limited::Site = __rate_limited::Site::named(
                                    "kitsu",
                                    ::core::concat!(::core::module_path!(), "::", "search"),
                                );
                                &SITE
                            })
                            .await;
                        if let __rate_limited::Err(__error) = __permit {
                            return __rate_limited::FromLimited::from_limited(__error);
                        }
                        __permit
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
                    use ::rate_limited::__private as __rate_limited;
                    let __permit = __rate_limited::Site::acquire({
                        static SITE: __rate_limited::Site = __rate_limited::Site::named(
                            "kitsu",
                            ::core::concat!(::core::module_path!(), "::", "run"),
                        );
                        &SITE
                    });
                    if let __rate_limited::Err(__error) = __permit {
                        return __rate_limited::apply(__error, |_| exit(1));
                    }
                    __permit
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
