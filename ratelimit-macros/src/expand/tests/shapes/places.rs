//! What is borrowed where it is named.

#![allow(clippy::needless_raw_string_hashes, reason = "`expect-test` writes them")]

use expect_test::expect;

use super::expands;

#[test]
fn one_of_two_buckets() {
    expands(
        "bucket = if paid { PAID } else { FREE }, registry = { if paid { self.paid } else { self.free } }",
        "fn issues(&self, paid: bool) -> io::Result<u32> { get() }",
        &expect![[r#"
            fn issues(&self, paid: bool) -> io::Result<u32> {
                let __permit = {
                    use ::rate_limited::__private as __rate_limited;
                    let __call = {
                        let __site = {
                            static SITE: __rate_limited::Site = __rate_limited::Site::dynamic(
                                ::core::concat!(::core::module_path!(), "::", "issues"),
                            );
                            &SITE
                        };
                        let __registry = if paid { &self.paid } else { &self.free };
                        if paid {
                            __rate_limited::Site::call_on_in(__site, __registry, &PAID)
                        } else {
                            __rate_limited::Site::call_on_in(__site, __registry, &FREE)
                        }
                    };
                    let __permit = __rate_limited::Call::acquire(__call);
                    if let __rate_limited::Err(__error) = __permit {
                        return __rate_limited::FromLimited::from_limited(__error);
                    }
                    __permit
                };
                get()
            }
        "#]],
    );
}

#[test]
fn a_key_by_a_pattern() {
    expands(
        "bucket = \"kitsu\", key = match &user.team { Some(team) => *team, None => user.name }",
        "async fn search(user: &User) -> Answer { get().await }",
        &expect![[r#"
            async fn search(user: &User) -> Answer {
                let __permit = {
                    use ::rate_limited::__private as __rate_limited;
                    let __key = match &user.team {
                        Some(team) => __rate_limited::key(&*team),
                        None => __rate_limited::key(&user.name),
                    };
                    let __permit = __rate_limited::Site::acquire_async_with(
                            {
                                static SITE: __rate_limited::Site = __rate_limited::Site::named(
                                    "kitsu",
                                    ::core::concat!(::core::module_path!(), "::", "search"),
                                );
                                &SITE
                            },
                            __key,
                            __rate_limited::Some(1),
                            __rate_limited::None,
                        )
                        .await;
                    if let __rate_limited::Err(__error) = __permit {
                        return __rate_limited::FromLimited::from_limited(__error);
                    }
                    __permit
                };
                get().await
            }
        "#]],
    );
}

#[test]
fn a_key_out_of_a_closure() {
    expands(
        "bucket = \"kitsu\", key = |user| user.name, weight = |user| user.weight",
        "fn search(user: &User) -> Answer { get() }",
        &expect![[r#"
            fn search(user: &User) -> Answer {
                let __permit = {
                    use ::rate_limited::__private as __rate_limited;
                    let __key = __rate_limited::apply(
                        (&user,),
                        |(user,)| __rate_limited::key(&user.name),
                    );
                    let __weight = __rate_limited::weight(
                        __rate_limited::apply((&user,), |(user,)| user.weight),
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
                        __weight,
                        __rate_limited::None,
                    );
                    if let __rate_limited::Err(__error) = __permit {
                        return __rate_limited::FromLimited::from_limited(__error);
                    }
                    __permit
                };
                get()
            }
        "#]],
    );
}

/// A function's own value, and what a closure leaves early with, are borrowed from outside.
#[test]
fn what_is_no_place_or_not_only() {
    expands(
        "bucket = if paid { PAID } else { free() }, key = |user| { if user.admin { return 0; } user.id }",
        "fn search(user: &User, paid: bool) -> Answer { get() }",
        &expect![[r#"
            fn search(user: &User, paid: bool) -> Answer {
                let __permit = {
                    use ::rate_limited::__private as __rate_limited;
                    let __call = {
                        let __site = {
                            static SITE: __rate_limited::Site = __rate_limited::Site::dynamic(
                                ::core::concat!(::core::module_path!(), "::", "search"),
                            );
                            &SITE
                        };
                        __rate_limited::Site::call_on(__site, &(if paid { PAID } else { free() }))
                    };
                    let __key = __rate_limited::key(
                        &__rate_limited::apply(
                            (&user,),
                            |(user,)| {
                                if user.admin {
                                    return 0;
                                }
                                user.id
                            },
                        ),
                    );
                    let __permit = __rate_limited::Call::acquire_with(
                        __call,
                        __key,
                        __rate_limited::Some(1),
                        __rate_limited::None,
                    );
                    if let __rate_limited::Err(__error) = __permit {
                        return __rate_limited::FromLimited::from_limited(__error);
                    }
                    __permit
                };
                get()
            }
        "#]],
    );
}

#[test]
fn a_bucket_by_its_name_is_asked_at_once() {
    expands(
        "bucket = GITHUB",
        "fn search(user: u32) -> Result<usize, Error> { Ok(1) }",
        &expect![[r#"
            fn search(user: u32) -> Result<usize, Error> {
                let __permit = {
                    use ::rate_limited::__private as __rate_limited;
                    let __permit = __rate_limited::Site::acquire_on(
                        {
                            static SITE: __rate_limited::Site = __rate_limited::Site::dynamic(
                                ::core::concat!(::core::module_path!(), "::", "search"),
                            );
                            &SITE
                        },
                        &GITHUB,
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
