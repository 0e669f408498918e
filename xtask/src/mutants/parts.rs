//! Which tests try the mutants of which files.

use std::fs;
use std::path::Path;

/// Files whose mutants the same tests are likely to catch.
pub(super) struct Part {
    pub(super) name: &'static str,
    /// Files and folders below the engine's `src`; what an earlier part has is not in a later one.
    pub(super) files: &'static [&'static str],
    /// Files of tests that try all mutants; `lib` = the unit tests.
    pub(super) first: &'static [&'static str],
    /// Those that try, beside the first, what the first let live: all that is under the manual clock and meets this
    /// part. What sleeps in real time would only make it slow.
    pub(super) rest: &'static [&'static str],
    /// Parts of the names of tests that take seconds and show nothing of what is changed here.
    pub(super) beside: &'static [&'static str],
}

impl Part {
    /// Its files below `src`, of those that are `wanted` if any are.
    pub(super) fn files(&self, src: &Path, wanted: &[String]) -> Result<Vec<String>, String> {
        let mut files = Vec::new();
        walk(src, "", &mut files).map_err(|error| format!("{}: {error}", src.display()))?;
        let is_own = |file: &str| part_of(file).is_some_and(|part| part.name == self.name);
        let is_wanted = |file: &str| wanted.is_empty() || wanted.iter().any(|word| is_in(file, word));
        files.retain(|file| is_own(file) && is_wanted(file));
        files.sort();
        Ok(files)
    }
}

fn walk(folder: &Path, below: &str, files: &mut Vec<String>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = format!("{below}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            walk(&entry.path(), &format!("{path}/"), files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

/// Whether `file` is `word`, or in the folder `word`.
fn is_in(file: &str, word: &str) -> bool {
    file.strip_prefix(word.trim_end_matches('/')).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn part_of(file: &str) -> Option<&'static Part> {
    PARTS.iter().find(|part| part.files.iter().any(|word| is_in(file, word)))
}

pub(super) const PARTS: [Part; 8] = [
    Part {
        name: "gate",
        files: &["line/gate.rs", "line/table.rs"],
        first: &["lib"],
        rest: &["laws", "mended", "registry", "wakers"],
        beside: &["store::table", "builtins::"],
    },
    Part {
        name: "learned",
        files: &[
            "policy/learned.rs",
            "policy/learned",
            "line/learning.rs",
            "line/learning",
            "line/observe.rs",
            "line/plan/windows.rs",
        ],
        first: &["lib", "learned"],
        rest: &["oracles", "laws", "events", "in_flight", "replacement", "scopes"],
        beside: &["store::table", "builtins::"],
    },
    Part {
        name: "feedback",
        files: &["feedback.rs", "feedback"],
        first: &["lib", "headers"],
        rest: &[],
        beside: &["store::table", "builtins::"],
    },
    Part {
        name: "line",
        files: &["line.rs", "line", "pace.rs"],
        first: &["laws"],
        rest: &[
            "lib",
            "allowance_ends",
            "cancellation",
            "changes",
            "charges",
            "corrections",
            "defaults",
            "errors",
            "events",
            "foreign",
            "global_registry",
            "globals",
            "in_flight",
            "keys_and_config",
            "keys_bounded",
            "learned",
            "max_waiting",
            "mended",
            "own_policies",
            "permits",
            "registry",
            "replacement",
            "runs",
            "scopes",
            "subscriber_that_calls",
            "wakers",
        ],
        beside: &["store::table", "builtins::"],
    },
    Part {
        name: "kit",
        files: &["policy/conformance.rs", "policy/conformance"],
        first: &["lib", "conformance"],
        rest: &["leaky"],
        beside: &["store::table"],
    },
    Part {
        name: "leaky",
        files: &["policy/leaky_bucket.rs", "policy/leaky_bucket"],
        first: &["leaky"],
        rest: &["own_policies"],
        beside: &["store::table"],
    },
    Part {
        name: "policies",
        files: &["policy.rs", "policy"],
        first: &["lib", "laws"],
        rest: &[
            "charges",
            "conformance",
            "corrections",
            "fixed_window",
            "keys_bounded",
            "long_windows",
            "mended",
            "oracles",
            "own_policies",
            "permits",
            "registry",
            "replacement",
        ],
        beside: &["store::table"],
    },
    Part {
        name: "rates",
        files: &["rate.rs", "rate"],
        first: &["lib"],
        rest: &["errors", "keys_and_config", "laws", "permits", "registry"],
        beside: &["store::table", "builtins::"],
    },
];

/// Parts of the names of tests that take seconds where nothing is optimised: only what the others let live meets them.
pub(super) const SLOW: [&str; 7] = [
    "builtins::",
    "many_dropped",
    "any_subset_of",
    "clock_going_backwards",
    "at_the_very_end",
    "hardly_slow",
    "a_million_a_day",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tests_and_files_that_are_named_are_there() {
        let core = crate::root().join("ratelimit-core");
        for test in PARTS.iter().flat_map(|part| part.first.iter().chain(part.rest)) {
            let (file, folder) = (format!("tests/{test}.rs"), format!("tests/{test}/main.rs"));
            let is_there = *test == "lib" || core.join(file).is_file() || core.join(folder).is_file();
            assert!(is_there, "{test}");
        }
        for file in PARTS.iter().flat_map(|part| part.files) {
            assert!(core.join("src").join(file).exists(), "{file}");
        }
    }

    #[test]
    fn a_file_is_of_the_first_part_that_names_it_or_its_folder() {
        let name = |file| part_of(file).map(|part| part.name);
        assert_eq!(name("line/gate.rs"), Some("gate"));
        assert_eq!([name("line.rs"), name("line/turn.rs"), name("line/gate/tests.rs")], [Some("line"); 3]);
        assert_eq!(name("policy/leaky_bucket/adapt.rs"), Some("leaky"));
        assert_eq!([name("policy.rs"), name("policy/all.rs")], [Some("policies"); 2]);
        assert_eq!([name("linear.rs"), name("bucket.rs")], [None; 2]);
    }

    #[test]
    fn only_what_is_wanted_is_tried() {
        let [gate, _, _, line, .., rates] = &PARTS;
        let src = crate::root().join("ratelimit-core/src");
        let wanted = ["rate/".to_owned(), "pace.rs".to_owned()];
        assert_eq!(gate.files(&src, &wanted), Ok(vec![]));
        assert_eq!(line.files(&src, &wanted), Ok(vec!["pace.rs".to_owned()]));
        assert!(rates.files(&src, &wanted).is_ok_and(|files| files.contains(&"rate/parse.rs".to_owned())));
        assert!(line.files(&src, &[]).is_ok_and(|files| files.contains(&"line/turn.rs".to_owned())));
    }
}
