//! Functions whose answers are read.

use expect_test::expect;

use super::expands;

#[test]
fn an_answer_of_a_thread() {
    expands(
        r#"bucket = GITHUB, feedback"#,
        r#"fn page(&mut self, number: u32) -> Result<impl Iterator<Item = &str>, Error> { const MOST: u32 = 5; if number > MOST { return Err(Error::None); } Ok(self.get(number)?.lines()) }"#,
        &expect![[r#"
            fn page(&mut self, number: u32) -> Result<impl Iterator<Item = &str>, Error> {
                const MOST: u32 = 5;
                let (__permit, __given) = {
                    use ::rate_limited::__private as __rate_limited;
                    let __given = __rate_limited::Given::new();
                    if let __rate_limited::Some(__value) = __given.nothing() {
                        return __value;
                    }
                    let __site = {
                        static SITE: __rate_limited::Site = __rate_limited::Site::dynamic(
                                ::core::concat!(::core::module_path!(), "::", "page"),
                            )
                            .with_feedback();
                        &SITE
                    };
                    let __call = { __rate_limited::Site::call_on(__site, &GITHUB) };
                    match __rate_limited::Call::acquire(__call) {
                        __rate_limited::Ok(__permit) => {
                            (__rate_limited::Site::mark(__site, __permit), __given)
                        }
                        __rate_limited::Err(__error) => {
                            return __rate_limited::FromLimited::from_limited(__error);
                        }
                    }
                };
                let __value = __given
                    .call(|| -> _ {
                        if number > MOST {
                            return Err(Error::None);
                        }
                        Ok(self.get(number)?.lines())
                    });
                {
                    use ::rate_limited::__private as __rate_limited;
                    __rate_limited::observe(&__permit, &__value);
                }
                __value
            }
        "#]],
    );
}

#[test]
fn an_answer_of_a_task() {
    expands(
        r#"bucket = "github", key = user, feedback = |page| page.as_ref().ok().map(Page::limits)"#,
        r#"async fn page(user: &str) -> Result<Page, Error> { get(user).await }"#,
        &expect![[r#"
            async fn page(user: &str) -> Result<Page, Error> {
                let (__permit, __given) = {
                    use ::rate_limited::__private as __rate_limited;
                    let __given = __rate_limited::Given::new();
                    if let __rate_limited::Some(__value) = __given.nothing() {
                        return __value;
                    }
                    let __site = {
                        static SITE: __rate_limited::Site = __rate_limited::Site::named(
                                "github",
                                ::core::concat!(::core::module_path!(), "::", "page"),
                            )
                            .with_feedback();
                        &SITE
                    };
                    let __key = __rate_limited::key(&user);
                    match __rate_limited::Site::acquire_async_with(
                            __site,
                            __key,
                            __rate_limited::Some(1),
                            __rate_limited::None,
                        )
                        .await
                    {
                        __rate_limited::Ok(__permit) => {
                            (__rate_limited::Site::mark(__site, __permit), __given)
                        }
                        __rate_limited::Err(__error) => {
                            return __rate_limited::FromLimited::from_limited(__error);
                        }
                    }
                };
                let __value = async move {
                    if let ::core::option::Option::Some(__value) = __given.nothing() {
                        return __value;
                    }
                    get(user).await
                }
                    .await;
                {
                    use ::rate_limited::__private as __rate_limited;
                    __rate_limited::observe_by(
                        &__permit,
                        &__value,
                        |page| page.as_ref().ok().map(Page::limits),
                    );
                }
                __value
            }
        "#]],
    );
}

#[test]
fn an_answer_of_a_returned_future() {
    expands(
        r#"bucket = "github", feedback = read, on_limited = |error| Answer::refused(error)"#,
        r#"fn page(number: u32) -> BoxFuture<'static, Answer> { log(number); Box::pin(async move { get(number).await }) }"#,
        &expect![[r#"
            fn page(number: u32) -> BoxFuture<'static, Answer> {
                log(number);
                Box::pin(async move {
                    let (__permit, __given) = {
                        use ::rate_limited::__private as __rate_limited;
                        let __given = __rate_limited::Given::<Answer>::new();
                        if let __rate_limited::Some(__value) = __given.nothing() {
                            return __value;
                        }
                        let __site = {
                            static SITE: __rate_limited::Site = __rate_limited::Site::named(
                                    "github",
                                    ::core::concat!(::core::module_path!(), "::", "page"),
                                )
                                .with_feedback();
                            &SITE
                        };
                        match __rate_limited::Site::acquire_async(__site).await {
                            __rate_limited::Ok(__permit) => {
                                (__rate_limited::Site::mark(__site, __permit), __given)
                            }
                            __rate_limited::Err(__error) => {
                                return __rate_limited::apply::<
                                    _,
                                    Answer,
                                >(__error, |error| Answer::refused(error));
                            }
                        }
                    };
                    let __value = async move {
                        if let ::core::option::Option::Some(__value) = __given.nothing() {
                            return __value;
                        }
                        get(number).await
                    }
                        .await;
                    {
                        use ::rate_limited::__private as __rate_limited;
                        __rate_limited::observe_by(&__permit, &__value, read);
                    }
                    __value
                })
            }
        "#]],
    );
}

#[test]
fn an_answer_of_a_block_that_borrows() {
    expands(
        r#"bucket = "github", feedback"#,
        r#"fn page<'a>(number: &'a u32) -> impl Future<Output = &'a Answer> { async { get(number).await } }"#,
        &expect![[r#"
            fn page<'a>(number: &'a u32) -> impl Future<Output = &'a Answer> {
                async {
                    let (__permit, __given) = {
                        use ::rate_limited::__private as __rate_limited;
                        let __given = __rate_limited::Given::new();
                        if let __rate_limited::Some(__value) = __given.nothing() {
                            return __value;
                        }
                        let __site = {
                            static SITE: __rate_limited::Site = __rate_limited::Site::named(
                                    "github",
                                    ::core::concat!(::core::module_path!(), "::", "page"),
                                )
                                .with_feedback();
                            &SITE
                        };
                        match __rate_limited::Site::acquire_async(__site).await {
                            __rate_limited::Ok(__permit) => {
                                (__rate_limited::Site::mark(__site, __permit), __given)
                            }
                            __rate_limited::Err(__error) => {
                                return __rate_limited::FromLimited::from_limited(__error);
                            }
                        }
                    };
                    let __value = async {
                        if let ::core::option::Option::Some(__value) = __given.nothing() {
                            return __value;
                        }
                        get(number).await
                    }
                        .await;
                    {
                        use ::rate_limited::__private as __rate_limited;
                        __rate_limited::observe(&__permit, &__value);
                    }
                    __value
                }
            }
        "#]],
    );
}
