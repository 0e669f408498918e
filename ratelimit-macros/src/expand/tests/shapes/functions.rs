//! By the form of the function.

#![allow(clippy::needless_raw_string_hashes, reason = "`expect-test` writes them")]

use expect_test::expect;

use super::expands;

#[test]
fn a_future_with_statements_before() {
    expands(
        r#"bucket = "kitsu", key = page"#,
        r#"fn search(page: u32) -> impl Future<Output = Answer> + Send { let url = url(page); log(&url); async move { get(url).await } }"#,
        &expect![[r#"
            fn search(page: u32) -> impl Future<Output = Answer> + Send {
                let url = url(page);
                log(&url);
                async move {
                    let __permit = {
                        use ::rate_limited::__private as __rate_limited;
                        let __key = __rate_limited::key(&page);
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
                    get(url).await
                }
            }
        "#]],
    );
}

#[test]
fn a_future_boxed_by_a_method() {
    expands(
        r#"bucket = "kitsu""#,
        r#"fn search<'a>(text: &'a str) -> BoxFuture<'a, Answer> { async move { get(text).await }.boxed() }"#,
        &expect![[r#"
            fn search<'a>(text: &'a str) -> BoxFuture<'a, Answer> {
                async move {
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
                    get(text).await
                }
                    .boxed()
            }
        "#]],
    );
}

#[test]
fn a_method_under_async_trait() {
    expands(
        r#"bucket = "kitsu", key = id, permit = permit"#,
        r#"fn fetch<'life0, 'async_trait>(&'life0 self, id: u64) -> ::core::pin::Pin<Box<dyn ::core::future::Future<Output = Answer> + ::core::marker::Send + 'async_trait>> where 'life0: 'async_trait, Self: 'async_trait { Box::pin(async move { if let ::core::option::Option::Some(__ret) = ::core::option::Option::None::<Answer> { #[allow(unreachable_code)] return __ret; } let __self = self; let id = id; let __ret: Answer = { __self.get(id).await }; #[allow(unreachable_code)] __ret }) }"#,
        &expect![[r#"
            fn fetch<'life0, 'async_trait>(
                &'life0 self,
                id: u64,
            ) -> ::core::pin::Pin<
                Box<
                    dyn ::core::future::Future<Output = Answer> + ::core::marker::Send + 'async_trait,
                >,
            >
            where
                'life0: 'async_trait,
                Self: 'async_trait,
            {
                Box::pin(async move {
                    let permit = {
                        use ::rate_limited::__private as __rate_limited;
                        let __site = {
                            static SITE: __rate_limited::Site = __rate_limited::Site::named(
                                "kitsu",
                                ::core::concat!(::core::module_path!(), "::", "fetch"),
                            );
                            &SITE
                        };
                        let __key = __rate_limited::key(&id);
                        match __rate_limited::Site::acquire_async_with(
                                __site,
                                __key,
                                __rate_limited::Some(1),
                                __rate_limited::None,
                            )
                            .await
                        {
                            __rate_limited::Ok(__permit) => {
                                __rate_limited::Site::mark(__site, __permit)
                            }
                            __rate_limited::Err(__error) => {
                                return __rate_limited::FromLimited::from_limited(__error);
                            }
                        }
                    };
                    if let ::core::option::Option::Some(__ret) = ::core::option::Option::None::<
                        Answer,
                    > {
                        #[allow(unreachable_code)] return __ret;
                    }
                    let __self = self;
                    let id = id;
                    let __ret: Answer = { __self.get(id).await };
                    #[allow(unreachable_code)] __ret
                })
            }
        "#]],
    );
}

#[test]
fn a_trait_method_with_a_default_body() {
    expands(
        r#"bucket = Self::BUCKET"#,
        r#"async fn ping(&self) -> Result<(), Self::Error> where Self: Sync { self.send().await }"#,
        &expect![[r#"
            async fn ping(&self) -> Result<(), Self::Error>
            where
                Self: Sync,
            {
                let __permit = {
                    use ::rate_limited::__private as __rate_limited;
                    let __call = {
                        let __site = {
                            static SITE: __rate_limited::Site = __rate_limited::Site::dynamic(
                                ::core::concat!(::core::module_path!(), "::", "ping"),
                            );
                            &SITE
                        };
                        __rate_limited::Site::call_on(__site, &Self::BUCKET)
                    };
                    let __permit = __rate_limited::Call::acquire_async(__call).await;
                    if let __rate_limited::Err(__error) = __permit {
                        return __rate_limited::FromLimited::from_limited(__error);
                    }
                    __permit
                };
                self.send().await
            }
        "#]],
    );
}

#[test]
fn an_unsafe_foreign_function() {
    expands(
        r#"bucket = "kitsu", on_limited = |_| -1"#,
        r#"pub unsafe extern "C" fn call(pointer: *const u8) -> c_int { unsafe { *pointer }.into() }"#,
        &expect![[r#"
            pub unsafe extern "C" fn call(pointer: *const u8) -> c_int {
                let __permit = {
                    use ::rate_limited::__private as __rate_limited;
                    let __permit = __rate_limited::Site::acquire({
                        static SITE: __rate_limited::Site = __rate_limited::Site::named(
                            "kitsu",
                            ::core::concat!(::core::module_path!(), "::", "call"),
                        );
                        &SITE
                    });
                    if let __rate_limited::Err(__error) = __permit {
                        return __rate_limited::apply::<_, c_int>(__error, |_| -1);
                    }
                    __permit
                };
                unsafe { *pointer }.into()
            }
        "#]],
    );
}

#[test]
fn a_generic_function_with_patterns() {
    expands(
        r#"bucket = "kitsu", key = |a, tail| key(a, tail), weight = tail.len()"#,
        r#"pub fn batch<T, const N: usize>((mut a, _): (T, u8), Point { x, .. }: Point, [first, tail @ ..]: [u8; N], #[cfg(unix)] fd: u32) -> Result<T, Error> where T: Display { Ok(a) }"#,
        &expect![[r#"
            pub fn batch<T, const N: usize>(
                (mut a, _): (T, u8),
                Point { x, .. }: Point,
                [first,
                tail @ ..,
                ]: [u8; N],
                #[cfg(unix)]
                fd: u32,
            ) -> Result<T, Error>
            where
                T: Display,
            {
                let __permit = {
                    use ::rate_limited::__private as __rate_limited;
                    let __key = __rate_limited::key(
                        &__rate_limited::apply((&a, &tail), |(a, tail)| key(a, tail)),
                    );
                    let __weight = __rate_limited::weight(tail.len());
                    let __permit = __rate_limited::Site::acquire_with(
                        {
                            static SITE: __rate_limited::Site = __rate_limited::Site::named(
                                "kitsu",
                                ::core::concat!(::core::module_path!(), "::", "batch"),
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
                Ok(a)
            }
        "#]],
    );
}

#[test]
fn leading_items_and_inner_attributes() {
    expands(
        r#"bucket = "kitsu", weight = COST"#,
        r#"#[must_use] fn search() -> Result<u32, Error> { #![allow(unused)] use a::b; const COST: u32 = 2; fn inner() {} let x = b(); Ok(x) }"#,
        &expect![[r##"
            #[must_use]
            #[allow(unused)]
            fn search() -> Result<u32, Error> {
                use a::b;
                const COST: u32 = 2;
                fn inner() {}
                let __permit = {
                    use ::rate_limited::__private as __rate_limited;
                    let __weight = __rate_limited::weight(COST);
                    let __permit = __rate_limited::Site::acquire_with(
                        {
                            static SITE: __rate_limited::Site = __rate_limited::Site::named(
                                "kitsu",
                                ::core::concat!(::core::module_path!(), "::", "search"),
                            );
                            &SITE
                        },
                        __rate_limited::None,
                        __weight,
                        __rate_limited::None,
                    );
                    if let __rate_limited::Err(__error) = __permit {
                        return __rate_limited::FromLimited::from_limited(__error);
                    }
                    __permit
                };
                let x = b();
                Ok(x)
            }
        "##]],
    );
}

#[test]
fn a_function_that_returns_nothing() {
    expands(
        r#"bucket = "metrics", on_limited = drop"#,
        r#"fn emit(sample: Sample) { send(sample); }"#,
        &expect![[r#"
            fn emit(sample: Sample) {
                let __permit = {
                    use ::rate_limited::__private as __rate_limited;
                    let __permit = __rate_limited::Site::acquire({
                        static SITE: __rate_limited::Site = __rate_limited::Site::named(
                            "metrics",
                            ::core::concat!(::core::module_path!(), "::", "emit"),
                        );
                        &SITE
                    });
                    if let __rate_limited::Err(__error) = __permit {
                        return __rate_limited::apply(__error, drop);
                    }
                    __permit
                };
                send(sample);
            }
        "#]],
    );
}

#[test]
fn an_empty_body() {
    expands(
        r#"bucket = "kitsu", on_limited = |_| ()"#,
        r#"async fn tick() {}"#,
        &expect![[r#"
            async fn tick() {
                let __permit = {
                    use ::rate_limited::__private as __rate_limited;
                    let __permit = __rate_limited::Site::acquire_async({
                            static SITE: __rate_limited::Site = __rate_limited::Site::named(
                                "kitsu",
                                ::core::concat!(::core::module_path!(), "::", "tick"),
                            );
                            &SITE
                        })
                        .await;
                    if let __rate_limited::Err(__error) = __permit {
                        return __rate_limited::apply(__error, |_| ());
                    }
                    __permit
                };
            }
        "#]],
    );
}
