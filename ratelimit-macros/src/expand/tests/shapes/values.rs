//! By what stands in the attribute.

#![allow(clippy::needless_raw_string_hashes, reason = "`expect-test` writes them")]

use expect_test::expect;

use super::expands;

#[test]
fn a_static_bucket() {
    expands(
        r#"bucket = GITHUB, max_delay = MAX_WAIT"#,
        r#"fn issues() -> io::Result<u32> { get() }"#,
        &expect![[r#"
            fn issues() -> io::Result<u32> {
                let __permit = {
                    use ::rate_limited::__private as __rate_limited;
                    let __call = {
                        let __site = {
                            static SITE: __rate_limited::Site = __rate_limited::Site::dynamic(
                                ::core::concat!(::core::module_path!(), "::", "issues"),
                            );
                            &SITE
                        };
                        __rate_limited::Site::call_on(__site, &GITHUB)
                    };
                    let __max_delay = __rate_limited::max_delay(MAX_WAIT);
                    let __permit = __rate_limited::Call::acquire_with(
                        __call,
                        __rate_limited::None,
                        __rate_limited::Some(1),
                        __max_delay,
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
fn a_bucket_by_a_condition() {
    expands(
        r#"bucket = if fast { &FAST } else { &SLOW }"#,
        r#"fn issues(fast: bool) -> io::Result<u32> { get() }"#,
        &expect![[r#"
            fn issues(fast: bool) -> io::Result<u32> {
                let __permit = {
                    use ::rate_limited::__private as __rate_limited;
                    let __call = {
                        let __site = {
                            static SITE: __rate_limited::Site = __rate_limited::Site::dynamic(
                                ::core::concat!(::core::module_path!(), "::", "issues"),
                            );
                            &SITE
                        };
                        __rate_limited::Site::call_on(__site, &(if fast { &FAST } else { &SLOW }))
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
fn a_declared_bucket() {
    expands(
        r#"bucket = "weather", rate = "100/15m fixed""#,
        r#"fn forecast(city: &str) -> Result<Forecast, WeatherError> { get(city) }"#,
        &expect![[r#"
            fn forecast(city: &str) -> Result<Forecast, WeatherError> {
                let __permit = {
                    use ::rate_limited::__private as __rate_limited;
                    let __permit = __rate_limited::Site::acquire({
                        static SITE: __rate_limited::Site = __rate_limited::Site::declared(
                            "weather",
                            __rate_limited::Rate::new(
                                    100u32,
                                    ::core::time::Duration::from_nanos(900000000000u64),
                                )
                                .fixed(),
                            ::core::concat!(::core::module_path!(), "::", "forecast"),
                        );
                        &SITE
                    });
                    if let __rate_limited::Err(__error) = __permit {
                        return __rate_limited::FromLimited::from_limited(__error);
                    }
                    __permit
                };
                get(city)
            }
        "#]],
    );
}

#[test]
fn an_instance_s_registry() {
    expands(
        r#"bucket = "kitsu", registry = self.limits"#,
        r#"async fn search(&self) -> Answer { self.get().await }"#,
        &expect![[r#"
            async fn search(&self) -> Answer {
                let __permit = {
                    use ::rate_limited::__private as __rate_limited;
                    let __call = {
                        let __registry = &self.limits;
                        __rate_limited::Site::call_in(
                            {
                                static SITE: __rate_limited::Site = __rate_limited::Site::named(
                                    "kitsu",
                                    ::core::concat!(::core::module_path!(), "::", "search"),
                                );
                                &SITE
                            },
                            __registry,
                        )
                    };
                    let __permit = __rate_limited::Call::acquire_async(__call).await;
                    if let __rate_limited::Err(__error) = __permit {
                        return __rate_limited::FromLimited::from_limited(__error);
                    }
                    __permit
                };
                self.get().await
            }
        "#]],
    );
}

#[test]
fn a_permit_of_the_body_s() {
    expands(
        r#"bucket = "mail", permit = permit"#,
        r#"async fn batch(&self) -> Answer { if self.cached() { permit.refund(); } self.post().await }"#,
        &expect![[r#"
            async fn batch(&self) -> Answer {
                let permit = {
                    use ::rate_limited::__private as __rate_limited;
                    let __site = {
                        static SITE: __rate_limited::Site = __rate_limited::Site::named(
                            "mail",
                            ::core::concat!(::core::module_path!(), "::", "batch"),
                        );
                        &SITE
                    };
                    match __rate_limited::Site::acquire_async(__site).await {
                        __rate_limited::Ok(__permit) => __rate_limited::Site::mark(__site, __permit),
                        __rate_limited::Err(__error) => {
                            return __rate_limited::FromLimited::from_limited(__error);
                        }
                    }
                };
                if self.cached() {
                    permit.refund();
                }
                self.post().await
            }
        "#]],
    );
}

#[test]
fn closures_with_types_and_patterns() {
    expands(
        r#"bucket = "kitsu", key = |user: &&str, &page| -> String { name(user, page) }, weight = move |page| *page, max_delay = || self.patience"#,
        r#"fn search(&self, user: &str, page: u32) -> Answer { self.get(user, page) }"#,
        &expect![[r#"
            fn search(&self, user: &str, page: u32) -> Answer {
                let __permit = {
                    use ::rate_limited::__private as __rate_limited;
                    let __key = __rate_limited::key(
                        &__rate_limited::apply(
                            (&user, &page),
                            |(user, &page): (&&str, _)| -> String { name(user, page) },
                        ),
                    );
                    let __weight = __rate_limited::weight(
                        __rate_limited::apply((&page,), move |(page,)| *page),
                    );
                    let __max_delay = __rate_limited::max_delay(
                        __rate_limited::apply((), |()| self.patience),
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
                        __max_delay,
                    );
                    if let __rate_limited::Err(__error) = __permit {
                        return __rate_limited::FromLimited::from_limited(__error);
                    }
                    __permit
                };
                self.get(user, page)
            }
        "#]],
    );
}

#[test]
fn branches_as_values() {
    expands(
        r#"bucket = "kitsu", key = match page { 0 => "first", _ => "rest" }, weight = if page > 3 { 2 } else { 1 }, max_delay = if page > 3 { LONG } else { SHORT }"#,
        r#"fn search(page: u32) -> Answer { get(page) }"#,
        &expect![[r#"
            fn search(page: u32) -> Answer {
                let __permit = {
                    use ::rate_limited::__private as __rate_limited;
                    let __key = __rate_limited::key(
                        &(match page {
                            0 => "first",
                            _ => "rest",
                        }),
                    );
                    let __weight = __rate_limited::weight(if page > 3 { 2 } else { 1 });
                    let __max_delay = __rate_limited::max_delay(if page > 3 { LONG } else { SHORT });
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
                        __max_delay,
                    );
                    if let __rate_limited::Err(__error) = __permit {
                        return __rate_limited::FromLimited::from_limited(__error);
                    }
                    __permit
                };
                get(page)
            }
        "#]],
    );
}

#[test]
fn a_key_string_with_raw_and_repeated_names() {
    expands(
        r#"bucket = "kitsu", key = "{type}/{user}/{user:?}""#,
        r#"fn search(r#type: u8, user: &str) -> Answer { get() }"#,
        &expect![[r#"
            fn search(r#type: u8, user: &str) -> Answer {
                let __permit = {
                    use ::rate_limited::__private as __rate_limited;
                    let __key = __rate_limited::key(
                        &::core::format_args!("{type}/{user}/{user:?}", r#type = r#type, user = user),
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
