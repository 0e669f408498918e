//! `cargo xtask examples`: plays the examples whose last line says how well they did, and fails where that is not well.

use std::io::{BufRead, BufReader};
use std::process::{ExitCode, Stdio};

use crate::cargo;

const EXAMPLES: [&[&str]; 3] = [&["kitsu"], &["shared_redis"], &["shared_redis", "--", "--sqlite"]];
/// The least part of what the limits permit that has to be served.
const LEAST: f64 = 0.9;

pub(crate) fn main() -> ExitCode {
    for words in EXAMPLES {
        let name = words.join(" ");
        println!("{name}");
        if let Err(problem) = play(words).and_then(|last| judge(&last)) {
            eprintln!("failed: {name}: {problem}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

/// Its last line; all of them are shown as they come.
fn play(words: &[&str]) -> Result<String, String> {
    let package = ["run", "--quiet", "--release", "--package", "rate-limited-examples", "--example"];
    let mut command = cargo();
    command.args(package).args(words).stdout(Stdio::piped());
    let mut child = command.spawn().map_err(|error| format!("cargo could not be started: {error}"))?;
    let mut last = String::new();
    for line in child.stdout.take().map(BufReader::new).into_iter().flat_map(BufRead::lines) {
        last = line.map_err(|error| format!("what it prints cannot be read: {error}"))?;
        println!("{last}");
    }
    match child.wait() {
        Ok(status) if status.success() => Ok(last),
        Ok(status) => Err(format!("it ended with {status}")),
        Err(error) => Err(format!("it cannot be waited for: {error}")),
    }
}

/// Of a line as `processes=6 server_429=0 served=1182 utilisation=0.951 outages=1`.
fn judge(line: &str) -> Result<(), String> {
    let told = |name: &str| {
        let value = line.split(' ').find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
        value.and_then(|value| value.parse::<f64>().ok()).ok_or(format!("`{line}` does not tell {name}"))
    };
    let (rejected, utilisation) = (told("server_429")?, told("utilisation")?);
    if rejected > 0.0 {
        return Err(format!("the server rejected {rejected} calls"));
    }
    if utilisation < LEAST {
        return Err(format!("{utilisation} of what the limits permit, less than {LEAST}"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::judge;

    #[test]
    fn what_is_well() {
        assert_eq!(judge("processes=6 server_429=0 served=1182 utilisation=0.951 outages=1"), Ok(()));
        for line in [
            "served=1182 server_429=1 utilisation=0.951",
            "served=1182 server_429=0 utilisation=0.899",
            "served=1182 server_429=0 utilisation=?",
            "served=1182 utilisation=0.951",
            "",
        ] {
            assert!(judge(line).is_err(), "{line}");
        }
    }
}
