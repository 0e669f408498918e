//! What needs more than the pinned compiler: asked for before it is used, and never installed silently.

use std::process::{Command, ExitCode, Stdio};

use crate::root;

/// Cargo of the nightly compiler, started in the project's root.
pub(crate) fn cargo() -> Command {
    let mut rustup = Command::new("rustup");
    rustup.args(["run", "nightly", "cargo"]).env("RUSTUP_AUTO_INSTALL", "0").current_dir(root());
    rustup
}

/// # Errors
///
/// Where there is no nightly compiler, or it lacks one of `components`: how to install what is missing.
pub(crate) fn needs(components: &[&str]) -> Result<(), String> {
    let mut list = Command::new("rustup");
    list.args(["component", "list", "--installed", "--toolchain", "nightly"]).env("RUSTUP_AUTO_INSTALL", "0");
    let Some(installed) = output(&mut list) else {
        return Err(
            "there is no nightly compiler; `rustup toolchain install nightly` installs one".to_owned()
        );
    };
    let missing: Vec<&str> =
        components.iter().copied().filter(|name| !installed.lines().any(|line| is_of(line, name))).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let missing = missing.join(" ");
    Err(format!("nightly lacks {missing}; `rustup component add {missing} --toolchain nightly` installs it"))
}

/// Whether `line` lists the component `name`, for whatever target.
fn is_of(line: &str, name: &str) -> bool {
    line.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', ' ']))
}

/// # Errors
///
/// Where `cargo <tool>` is not there: how to install it.
pub(crate) fn needs_tool(tool: &str) -> Result<(), String> {
    match output(Command::new("cargo").args([tool, "--version"])) {
        Some(_) => Ok(()),
        None => Err(format!("cargo-{tool} is missing; `cargo install --locked cargo-{tool}` installs it")),
    }
}

/// The triple of this machine.
pub(crate) fn host() -> Result<String, String> {
    let said = output(Command::new("rustc").arg("-vV"));
    let host = said.as_deref().and_then(|said| said.lines().find_map(|line| line.strip_prefix("host: ")));
    host.map(str::to_owned).ok_or_else(|| "rustc does not say what it compiles for".to_owned())
}

fn output(command: &mut Command) -> Option<String> {
    let output = command.stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Runs it, and passes on how it ended.
///
/// # Errors
///
/// Where it could not be started.
pub(crate) fn run(command: &mut Command) -> Result<ExitCode, String> {
    let status = command.status().map_err(|error| {
        format!("`{}` could not be started: {error}", command.get_program().to_string_lossy())
    })?;
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
}

/// The end of a command: a problem is told.
pub(crate) fn end(result: Result<ExitCode, String>) -> ExitCode {
    result.unwrap_or_else(|problem| {
        eprintln!("error: {problem}");
        ExitCode::FAILURE
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn components_are_known_with_and_without_their_target() {
        assert!(is_of("rust-src", "rust-src") && is_of("miri-x86_64-unknown-linux-gnu", "miri"));
        assert!(is_of("miri-x86_64-unknown-linux-gnu (installed)", "miri"));
        assert!(!is_of("rust-std-x86_64-unknown-linux-gnu", "rust-src") && !is_of("miriad", "miri"));
    }
}
