//! PyrateLimiter, in a Python of its own.

use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use crate::measure::{Failure, Missing};
use crate::report::folder;

/// The newest when the row was written.
const PACKAGES: [(&str, &str); 2] = [("pyrate-limiter", "4.5.1"), ("redis", "8.1.0")];

/// It calls in turn, as `contests/redis_calls.rs` does, and is killed with its handle.
pub(crate) struct Peer {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

/// What it took in the median, in microseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Theirs {
    pub(crate) tokens: f64,
    pub(crate) sliding: f64,
    pub(crate) three: f64,
}

impl Peer {
    /// On the server at this port.
    pub(crate) fn start(port: u16) -> Result<Self, Failure> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("pyrate_limiter_calls.py");
        let mut command = Command::new(interpreter()?);
        command.arg(script).arg(port.to_string()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn()?;
        match (child.stdin.take(), child.stdout.take()) {
            (Some(input), Some(output)) => Ok(Peer { child, input, output: BufReader::new(output) }),
            _ => Err("Python has no pipes".into()),
        }
    }

    /// Has it call for so long until its windows are full, and then for so long while it measures.
    pub(crate) fn call_for(&mut self, fill: Duration, span: Duration) -> Result<Theirs, Failure> {
        writeln!(self.input, "{} {}", fill.as_secs_f64(), span.as_secs_f64())?;
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        let numbers: Vec<f64> = line.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
        let [tokens, sliding, three] = numbers[..] else {
            return Err(format!("Python told {line:?} instead of three numbers").into());
        };
        Ok(Theirs { tokens, sliding, three })
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It has ended already, or does now.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A Python that has the packages, in an environment that is made at the first time.
fn interpreter() -> Result<PathBuf, Failure> {
    let environment = folder().join("bench-stores-venv");
    let python = environment.join("bin/python");
    if has_packages(&python) {
        return Ok(python);
    }
    std::fs::create_dir_all(folder())?;
    step(Command::new("python3").args(["-m", "venv"]).arg(&environment), "python3, with its module `venv`")?;
    let mut pip = Command::new(&python);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
    pip.args(PACKAGES.map(|(name, version)| format!("{name}=={version}")));
    step(&mut pip, "pip, and a package index that it reaches")?;
    Ok(python)
}

fn has_packages(python: &Path) -> bool {
    let wanted = PACKAGES.map(|(name, version)| format!("version('{name}') == '{version}'")).join(" and ");
    let program = format!("from importlib.metadata import version; exit(0 if {wanted} else 1)");
    let ran = Command::new(python).args(["-c", &program]).stderr(Stdio::null()).status();
    ran.is_ok_and(|status| status.success())
}

/// What fails is for want of this.
fn step(command: &mut Command, need: &str) -> Result<(), Failure> {
    let missing = |why: &str| Box::new(Missing(format!("PyrateLimiter needs {need}: {why}")));
    match command.stdin(Stdio::null()).output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => {
            let told = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
            let last = told.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it says nothing");
            Err(missing(last.trim()))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Err(missing("it is not installed")),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named() {
        let error = step(&mut Command::new("no-such-python"), "a snake").expect_err("it is not there");
        assert!(error.is::<Missing>());
        assert!(error.to_string().contains("needs a snake: it is not installed"), "{error}");
        let error = step(&mut Command::new("false"), "a snake").expect_err("it fails");
        assert!(error.is::<Missing>() && error.to_string().contains("says nothing"), "{error}");
        assert!(!has_packages(Path::new("no-such-python")));
    }
}
