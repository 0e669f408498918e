//! What can only be measured in a process of its own.

use std::env;
use std::process::Command;

use super::Failure;

/// The program that counts what is allocated: another binary of this package, so that no other row pays for it.
pub(crate) const HEAP: &str = "heap";

/// The numbers that this program prints when it is started with these words.
pub(crate) fn itself(words: &[&str]) -> Result<Vec<f64>, Failure> {
    numbers(Command::new(env::current_exe()?).args(words))
}

/// The same of another program of this package.
pub(crate) fn other(name: &str, words: &[&str]) -> Result<Vec<f64>, Failure> {
    let path = env::current_exe()?.with_file_name(name).with_extension(env::consts::EXE_EXTENSION);
    if !path.is_file() {
        return Err(format!("{} is not built: start this by `cargo xtask bench`", path.display()).into());
    }
    numbers(Command::new(path).args(words))
}

fn numbers(command: &mut Command) -> Result<Vec<f64>, Failure> {
    let output = command.output()?;
    let (text, mistakes) = (String::from_utf8(output.stdout)?, String::from_utf8_lossy(&output.stderr));
    if !output.status.success() {
        return Err(format!("{command:?} failed: {}", mistakes.trim()).into());
    }
    let numbers: Result<Vec<f64>, _> = text.split_whitespace().map(str::parse).collect();
    Ok(numbers?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_is_not_built_is_named() {
        let error = other("no-such-program", &[]).expect_err("not there").to_string();
        assert!(error.contains("no-such-program") && error.contains("cargo xtask bench"), "{error}");
    }
}
