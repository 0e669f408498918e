//! What stores cost who has none: the instructions of granted calls, as `cargo xtask instructions` counts them in a
//! program that all features are compiled into, beside those before there were stores.

use std::env;
use std::io::ErrorKind;
use std::path::Path;
use std::process::Command;

use crate::measure::{Failure, Measured, Missing, Spread};
use crate::rows::IN_MEMORY;

/// So wide is the name of a kind of call.
const NAME: usize = 24;
const REFUSED: &str = "refused";

pub(super) fn run() -> Result<Vec<Measured>, Failure> {
    match Command::new("valgrind").arg("--version").output() {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let missing = "valgrind is not installed; install it (Debian: `apt-get install valgrind`)";
            return Err(Box::new(Missing(missing.to_owned())));
        }
        started => drop(started?),
    }
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["xtask", "instructions"]).current_dir(Path::new(env!("CARGO_MANIFEST_DIR")));
    // It fails where a call takes more, which is this row's to judge.
    let output = cargo.output()?;
    let told = String::from_utf8(output.stdout)?;
    let (before, now) = worst(&told).ok_or_else(|| {
        let mistakes = String::from_utf8_lossy(&output.stderr).into_owned();
        format!("`cargo xtask instructions` told no counts: {}", mistakes.trim())
    })?;
    let peer = Some(Spread::flat(before));
    Ok(vec![Measured { peer, ..Measured::alone(IN_MEMORY, "instructions", now) }])
}

/// Of the granted call that has become more expensive than any other: before and now.
fn worst(told: &str) -> Option<(f64, f64)> {
    let counts = told.lines().filter_map(|line| {
        let (name, numbers) = line.split_at_checked(NAME)?;
        let mut numbers = numbers.split_whitespace().map_while(|number| number.parse::<f64>().ok());
        let (before, now) = (numbers.next()?, numbers.next()?);
        (name.trim() != REFUSED).then_some((before, now))
    });
    counts.max_by(|(before, now), (least, other)| (now / before).total_cmp(&(other / least)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_of_the_granted_calls_counts() {
        let told = "\
call                       before      now   change
static                      130.0    131.0    +0.8 %
annotated, a future         242.0    249.0    +2.9 %
with a key                  844.0    838.0    -0.7 %
refused                    1393.0   1493.0    +7.2 % MORE
";
        assert_eq!(worst(told), Some((242.0, 249.0)));
        assert_eq!(worst("call  before  now  change\n"), None);
    }
}
