use super::*;
use crate::policy::sliding_window::SlidingWindow;

/// What is done to a window of nine, in words.
fn told(steps: &[Step]) -> Vec<String> {
    let fresh = || -> Box<dyn Policy> { Box::new(SlidingWindow::new(9, 99)) };
    let scale = Scale::of(&*fresh());
    let (mut played, mut log) = (Played::default(), Vec::new());
    let mut play = Play::new(&fresh, scale, Timestamp::ZERO, &mut played, &mut log).expect("a window");
    for step in steps {
        play.step(*step).expect("it keeps the laws");
    }
    log
}

#[test]
fn half_of_what_is_refunded_in_parts_is_refunded_by_itself() {
    let call = |refund, in_parts| Step::Take(Call { weight: 8, refund, in_parts });
    let ends = [Step::End(0); 2];
    let told = |call| told(&[&[call][..], &ends].concat());
    let begin = ["0 ns: fresh", "0 ns: 8 taken, of which 6 will be refunded"];
    let (half, rest) = ("0 ns: 3 of the 8 taken at 0 ns refunded", "0 ns: 3 of the 5 taken at 0 ns refunded");
    assert_eq!(told(call(Some(6), true)), [&begin[..], &[half, rest]].concat());
    let (whole, end) =
        ("0 ns: 6 of the 8 taken at 0 ns refunded", "0 ns: the call that took 2 at 0 ns ended");
    assert_eq!(told(call(Some(6), false)), [&begin[..], &[whole, end]].concat());
    let end = "0 ns: the call that took 8 at 0 ns ended";
    assert_eq!(told(call(None, false)), ["0 ns: fresh", "0 ns: 8 taken", end]);
}
