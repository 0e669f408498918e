//! The rows about answers, for forms whose attribute says `feedback = |_| answer()`.

use std::time::Duration;

use rate_limited::ErrorKind;
use rate_limited::feedback::Feedback;

use super::{Form, STEP, Server, World};

/// Makes a test of every row about answers, for all the forms that are given but those named.
#[macro_export]
macro_rules! reads {
    ($least:literal: $($forms:expr),*; but $($unread:literal)*) => {
        $crate::reads! { @rows [$least: [$($forms),*] [$($unread),*]]
            an_answer_is_read_once_and_a_refusal_is_none
            what_a_server_says_holds_its_key_back
        }
    };
    (@rows $forms:tt $($row:ident)*) => {
        $($crate::reads! { @row $forms $row })*
    };
    (@row [$least:literal: $forms:tt $unread:tt] $row:ident) => {
        #[test]
        fn $row() {
            let mut forms = 0;
            for form in $forms.into_iter().flatten().filter(|form| form.is_none_of(&$unread)) {
                $crate::table::answers::$row(form);
                forms += 1;
            }
            assert!(forms >= $least, "{forms} forms");
        }
    };
}

#[doc(hidden)]
pub fn an_answer_is_read_once_and_a_refusal_is_none(form: &Form) {
    let world = World::new(Duration::ZERO);
    Server::default().stand_here();
    for read in [1, 2] {
        form.granted(&world, 7, 1);
        assert_eq!(Server::here().read, read, "{}", form.site);
    }
    let _refused = form.refused(&world, 7, 1);
    assert_eq!(Server::here().read, 2, "{}", form.site);
}

#[doc(hidden)]
pub fn what_a_server_says_holds_its_key_back(form: &Form) {
    let world = World::new(Duration::ZERO);
    let pause = Duration::from_secs(3);
    let busy = Feedback::default().rejected(true).retry_after(pause);
    Server { says: Some(busy), read: 0 }.stand_here();
    form.granted(&world, 7, 1);
    let error = form.refused(&world, 7, 1);
    assert_eq!((error.kind(), error.retry_after()), (ErrorKind::Limited, Some(pause)), "{}", form.site);
    form.granted(&world, 8, 1);

    Server::default().stand_here();
    world.bench.clock.advance(pause.saturating_sub(STEP));
    let _too_early = form.refused(&world, 7, 1);
    world.bench.clock.advance(STEP);
    form.granted(&world, 7, 1);
}
