//! The committed list of mutants that no test can catch, each with the reason.

use std::collections::BTreeMap;
use std::fmt;

const HEAD: &str = "\
# Mutants of the engine that survive, each with the reason why no test catches it.
# Made by `cargo xtask mutants --write`, checked by `cargo xtask mutants`; a line is `<mutant> # <reason>`.
";

/// How a reason reads that is still to be found.
const WANTED: &str = "?";

/// By mutant: how often it is listed (places are left out, so two may be of one name), and why.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Survivors(BTreeMap<String, (usize, String)>);

/// A mutant without its place in the file, which moves with every change: `path: what is done to it`.
pub(crate) fn name(line: &str) -> String {
    match line.split_once(": ") {
        Some((place, what)) => format!("{}: {what}", place.split(':').next().unwrap_or(place)),
        None => line.to_owned(),
    }
}

fn count(names: &[String], name: &str) -> usize {
    names.iter().filter(|other| *other == name).count()
}

impl Survivors {
    pub(crate) fn read(text: &str) -> Self {
        let mut survivors = BTreeMap::new();
        for line in text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
            let (mutant, reason) = line.split_once(" # ").unwrap_or((line, WANTED));
            let (count, known) = survivors.entry(mutant.to_owned()).or_insert_with(|| (0, reason.to_owned()));
            *count += 1;
            if known == WANTED {
                reason.clone_into(known);
            }
        }
        Survivors(survivors)
    }

    fn explained(&self, mutant: &str) -> usize {
        self.0.get(mutant).filter(|(_, reason)| reason != WANTED).map_or(0, |(count, _)| *count)
    }

    /// Which of `missed` are not listed with a reason, each once.
    pub(crate) fn unexplained(&self, missed: &[String]) -> Vec<String> {
        let mut names = missed.to_vec();
        names.sort();
        names.dedup();
        names.retain(|name| count(missed, name) > self.explained(name));
        names
    }

    /// Which are listed more often than they were missed, though they were tested.
    pub(crate) fn outdated(&self, seen: &[String], missed: &[String]) -> Vec<String> {
        let of = |(name, (listed, _)): (&String, &(usize, String))| {
            (seen.contains(name) && count(missed, name) < *listed).then(|| name.clone())
        };
        self.0.iter().filter_map(of).collect()
    }

    /// The list with what is `missed` now; what was not tested this time is kept, unless all was.
    pub(crate) fn renewed(&self, missed: &[String], seen: &[String], is_all: bool) -> Self {
        let untested = |name: &String| !is_all && !seen.contains(name);
        let kept = self.0.iter().filter(|(name, _)| untested(name));
        let mut renewed: BTreeMap<_, _> = kept.map(|(name, listed)| (name.clone(), listed.clone())).collect();
        for name in missed {
            // Reasons stay with what they are of.
            let reason = self.0.get(name).map_or(WANTED, |(_, reason)| reason);
            renewed.insert(name.clone(), (count(missed, name), reason.to_owned()));
        }
        Survivors(renewed)
    }
}

impl fmt::Display for Survivors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HEAD)?;
        for (mutant, (count, reason)) in &self.0 {
            for _ in 0..*count {
                writeln!(f, "{mutant} # {reason}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn a_name_has_no_place() {
        let line = "ratelimit-core/src/pace.rs:66:9: replace Tempo::divisor -> u64 with 1";
        assert_eq!(name(line), "ratelimit-core/src/pace.rs: replace Tempo::divisor -> u64 with 1");
    }

    #[test]
    fn what_survives_wants_a_reason_and_what_is_caught_no_line() {
        let known = Survivors::read("# head\n\na # never read\na # never read\nb # ?\nc # gone\n");
        assert_eq!(known.unexplained(&names(&["a", "a", "b", "d"])), names(&["b", "d"]));
        assert_eq!(known.unexplained(&names(&["a", "a", "a"])), names(&["a"]));
        assert_eq!(known.outdated(&names(&["a", "c"]), &names(&["a", "b"])), names(&["a", "c"]));
    }

    #[test]
    fn written_anew_reasons_are_kept() {
        let known = || Survivors::read("a # never read\nc # gone\nx # elsewhere\n");
        let part = known().renewed(&names(&["a", "d"]), &names(&["c"]), false);
        assert_eq!(part.to_string(), format!("{HEAD}a # never read\nd # ?\nx # elsewhere\n"));
        let whole = known().renewed(&names(&["a", "d"]), &names(&["c"]), true);
        assert_eq!(whole.to_string(), format!("{HEAD}a # never read\nd # ?\n"));
        assert_eq!(Survivors::read(&whole.to_string()), whole);
    }
}
