//! Methods, by their receivers.

use std::fmt::Display;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;

use rate_limited_tests::table::{Outcome, World};

struct Api {
    world: Arc<World>,
    user: u32,
}

impl Api {
    fn pinned(&self) -> Pin<&Self> {
        Pin::new(self)
    }

    limited! { self.world, self.user, weight;
        fn by_reference(&self, weight: u32) -> Outcome {
            self.world.body();
            Ok(())
        }
    }

    limited! { self.world, self.user, weight;
        fn by_reference_mut(&mut self, weight: u32) -> Outcome {
            self.world.body();
            self.user += 1;
            Ok(())
        }
    }

    limited! { self.world, self.user, weight;
        fn by_value(self, weight: u32) -> Outcome {
            self.world.body();
            Ok(())
        }
    }

    limited! { self.world, self.user, weight;
        fn by_value_mut(mut self, weight: u32) -> Outcome {
            self.world.body();
            self.user += 1;
            Ok(())
        }
    }

    limited! { self.world, self.user, weight;
        fn by_box(self: Box<Self>, weight: u32) -> Outcome {
            self.world.body();
            Ok(())
        }
    }

    limited! { self.world, self.user, weight;
        fn by_rc(self: Rc<Self>, weight: u32) -> Outcome {
            self.world.body();
            Ok(())
        }
    }

    limited! { self.world, self.user, weight;
        fn by_arc(self: &Arc<Self>, weight: u32) -> Outcome {
            self.world.body();
            Ok(())
        }
    }

    limited! { self.world, self.user, weight;
        fn by_pin(self: Pin<&Self>, weight: u32) -> Outcome {
            self.world.body();
            Ok(())
        }
    }

    limited! { self.world, self.user, weight;
        async fn reference_asynchronous(&self, weight: u32) -> Outcome {
            self.world.body();
            Ok(())
        }
    }

    limited! { self.world, self.user, weight;
        async fn reference_mut_asynchronous(&mut self, weight: u32) -> Outcome {
            self.world.body();
            std::future::ready(()).await;
            self.user += 1;
            Ok(())
        }
    }

    limited! { self.world, self.user, weight;
        async fn value_asynchronous(self, weight: u32) -> Outcome {
            self.world.body();
            Ok(())
        }
    }

    limited! { self.world, self.user, weight;
        async fn box_asynchronous(self: Box<Self>, weight: u32) -> Outcome {
            self.world.body();
            Ok(())
        }
    }

    limited! { self.world, self.user, weight;
        async fn arc_asynchronous(self: Arc<Self>, weight: u32) -> Outcome {
            self.world.body();
            Ok(())
        }
    }

    limited! { self.world, self.user, weight;
        async fn rc_asynchronous(self: Rc<Self>, weight: u32) -> Outcome {
            self.world.body();
            Ok(())
        }
    }

    limited! { self.world, self.user, weight;
        async fn pin_asynchronous(self: Pin<&mut Self>, weight: u32) -> Outcome {
            self.world.body();
            std::future::ready(()).await;
            Ok(())
        }
    }

    limited! { world, Self::user(user), weight;
        fn associated(world: Arc<World>, user: u32, weight: u32) -> Result<Self, rate_limited::Error> {
            world.body();
            Ok(Self { world, user })
        }
    }

    fn user(user: u32) -> u32 {
        user
    }
}

struct Generic<T> {
    world: Arc<World>,
    user: T,
}

impl<T: Display + Send> Generic<T> {
    limited! { self.world, &self.user, weight.into();
        fn of_a_generic_type(&self, weight: impl Into<u32> + Copy) -> Outcome {
            self.world.body();
            Ok(())
        }
    }

    limited! { self.world, || -> String { let _ = std::any::type_name::<Self>(); self.user.to_string() }(), weight;
        async fn of_a_generic_type_asynchronous(self, weight: u32) -> Result<T, rate_limited::Error> {
            self.world.body();
            Ok(self.user)
        }
    }
}

rate_limited_tests::forms! {
    "by_reference" => thread |world, user, weight| Api { world, user }.by_reference(weight),
    "by_reference_mut" => thread |world, user, weight| Api { world, user }.by_reference_mut(weight),
    "by_value" => thread |world, user, weight| Api { world, user }.by_value(weight),
    "by_value_mut" => thread |world, user, weight| Api { world, user }.by_value_mut(weight),
    "by_box" => thread |world, user, weight| Box::new(Api { world, user }).by_box(weight),
    "by_rc" => thread |world, user, weight| Rc::new(Api { world, user }).by_rc(weight),
    "by_arc" => thread |world, user, weight| Arc::new(Api { world, user }).by_arc(weight),
    "by_pin" => thread |world, user, weight| Api { world, user }.pinned().by_pin(weight),
    "reference_asynchronous" => awaited |world, user, weight| Api { world, user }.reference_asynchronous(weight),
    "reference_mut_asynchronous" => awaited |world, user, weight|
        Api { world, user }.reference_mut_asynchronous(weight),
    "value_asynchronous" => future |world, user, weight| Api { world, user }.value_asynchronous(weight),
    "box_asynchronous" => future |world, user, weight| Box::new(Api { world, user }).box_asynchronous(weight),
    "arc_asynchronous" => future |world, user, weight| Arc::new(Api { world, user }).arc_asynchronous(weight),
    "rc_asynchronous" => local |world, user, weight| Rc::new(Api { world, user }).rc_asynchronous(weight),
    "pin_asynchronous" => awaited |world, user, weight| Pin::new(&mut Api { world, user }).pin_asynchronous(weight),
    "associated" => thread |world, user, weight| Api::associated(world, user, weight).map(drop),
    "of_a_generic_type" => thread |world, user, weight| if weight == 1 {
        Generic { world, user }.of_a_generic_type(weight)
    } else {
        Generic { world, user: user.to_string() }.of_a_generic_type(weight)
    },
    "of_a_generic_type_asynchronous" => future |world, user, weight| async move {
        Generic { world, user }.of_a_generic_type_asynchronous(weight).await.map(drop)
    },
}
