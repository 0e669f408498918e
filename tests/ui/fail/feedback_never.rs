use rate_limited::rate_limited;

#[rate_limited(bucket = "kitsu", feedback, on_limited = |error| panic!("{error}"))]
fn serve() -> ! {
    loop {}
}

fn main() {}
