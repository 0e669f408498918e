//! The generated workspace, outside the project's own, and cargo's runs in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::source::{self, Variant};
use crate::{cargo, root};

/// Where it was generated.
pub(crate) struct Package {
    folder: PathBuf,
}

/// What the attribute adds to the future of one shape of function.
pub(crate) struct Size {
    pub(crate) shape: String,
    pub(crate) plain: i64,
    pub(crate) limited: i64,
}

impl Size {
    pub(crate) fn added(&self) -> i64 {
        self.limited - self.plain
    }
}

impl Package {
    /// Writes all files anew; what was built there before is kept.
    pub(crate) fn generate() -> Result<Self, String> {
        let package = Package { folder: root().join("target").join("compile-cost") };
        let members =
            "[workspace]\nmembers = [\"plain\", \"limited\", \"instrument\", \"sizes\"]\nresolver = \"3\"\n";
        package.write("Cargo.toml", members)?;
        for variant in Variant::ALL {
            package.write(&format!("{}/Cargo.toml", variant.name()), &manifest(variant.name()))?;
            package.write_library(variant)?;
        }
        package.write("sizes/Cargo.toml", &manifest("sizes"))?;
        package.write("sizes/src/main.rs", &source::sizes())?;
        // The versions are the project's.
        let lock = root().join("Cargo.lock");
        let lock = fs::read_to_string(&lock).map_err(|error| unreadable(&lock, &error))?;
        package.write("Cargo.lock", &lock)?;
        Ok(package)
    }

    /// Written anew, a library is checked anew.
    pub(crate) fn write_library(&self, variant: Variant) -> Result<(), String> {
        self.write(&format!("{}/src/lib.rs", variant.name()), &source::library(variant))
    }

    pub(crate) fn build_dependencies(&self) -> Result<(), String> {
        succeeded(&mut self.cargo("check", &["--workspace"])).map(drop)
    }

    /// What `cargo check` of one library runs as; nothing is fetched, nothing else is out of date.
    pub(crate) fn check(&self, variant: Variant) -> Command {
        self.cargo("check", &["--offline", "--package", variant.name()])
    }

    pub(crate) fn sizes(&self) -> Result<Vec<Size>, String> {
        let output = succeeded(&mut self.cargo("run", &["--package", "sizes"]))?;
        let output = String::from_utf8_lossy(&output.stdout).into_owned();
        let size = |line: &str| {
            let mut words = line.split(' ');
            let shape = words.next()?.to_owned();
            let mut bytes = || words.next()?.parse().ok();
            Some(Size { shape, plain: bytes()?, limited: bytes()? })
        };
        let sizes: Option<Vec<_>> = output.lines().map(size).collect();
        sizes
            .filter(|sizes| !sizes.is_empty())
            .ok_or_else(|| format!("the generated program printed no sizes:\n{output}"))
    }

    fn cargo(&self, command: &str, arguments: &[&str]) -> Command {
        let mut cargo = cargo();
        cargo.current_dir(&self.folder).arg(command).args(arguments);
        cargo.arg("--target-dir").arg(self.folder.join("target"));
        cargo.env("CARGO_INCREMENTAL", "0").env("CARGO_TERM_COLOR", "never");
        cargo
    }

    fn write(&self, path: &str, text: &str) -> Result<(), String> {
        let path = self.folder.join(path);
        let folder = path.parent().unwrap_or(&self.folder);
        fs::create_dir_all(folder)
            .and_then(|()| fs::write(&path, text))
            .map_err(|error| format!("{} could not be written: {error}", path.display()))
    }
}

/// Runs to its end; if it fails, what it said is the error.
pub(crate) fn succeeded(cargo: &mut Command) -> Result<Output, String> {
    let output = cargo.output().map_err(|error| format!("cargo could not be started: {error}"))?;
    if output.status.success() {
        return Ok(output);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("the generated package could not be built:\n{said}"))
}

fn unreadable(path: &Path, error: &std::io::Error) -> String {
    format!("{} could not be read: {error}", path.display())
}

/// The same for all, so that the attribute is the only difference.
fn manifest(name: &str) -> String {
    let project = root();
    // As a literal string of TOML, a path needs no escapes.
    format!(
        "[package]\nname = \"{name}\"\nversion = \"0.0.0\"\nedition = \"2024\"\npublish = false\n\n\
         [dependencies]\nrate-limited = {{ path = '{}' }}\ntracing = \"0.1\"\n",
        project.display()
    )
}
