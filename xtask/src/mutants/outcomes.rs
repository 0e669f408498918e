//! What came of mutants, as cargo-mutants leaves it behind.

use std::fs;
use std::path::Path;

use super::survivors::name;

/// The mutants by what came of them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Outcomes {
    pub(super) caught: Vec<String>,
    pub(super) missed: Vec<String>,
    /// Whoever waits for ever was noticed as well.
    pub(super) hung: Vec<String>,
    pub(super) unviable: Vec<String>,
}

impl Outcomes {
    pub(super) fn read(folder: &Path) -> Result<Self, String> {
        Ok(Outcomes {
            caught: listed(folder, "caught")?,
            missed: listed(folder, "missed")?,
            hung: listed(folder, "timeout")?,
            unviable: listed(folder, "unviable")?,
        })
    }

    /// Leaves it where [`read`](Self::read) finds it.
    pub(super) fn write(&self, folder: &Path) -> Result<(), String> {
        let Outcomes { caught, missed, hung, unviable } = self;
        for (outcome, names) in
            [("caught", caught), ("missed", missed), ("timeout", hung), ("unviable", unviable)]
        {
            let path = folder.join(format!("{outcome}.txt"));
            fs::write(&path, names.join("\n")).map_err(|error| format!("{}: {error}", path.display()))?;
        }
        Ok(())
    }

    pub(super) fn is_over(&self) -> bool {
        self.missed.is_empty() && self.hung.is_empty()
    }

    /// With what came of those that were left over.
    pub(super) fn then(self, rest: Outcomes) -> Self {
        let Outcomes { missed, hung, .. } = rest;
        let caught = [self.caught, rest.caught].concat();
        Outcomes { caught, missed, hung, unviable: [self.unviable, rest.unviable].concat() }
    }

    /// With what came of others.
    pub(super) fn and(self, others: Outcomes) -> Self {
        let missed = [self.missed, others.missed].concat();
        let hung = [self.hung, others.hung].concat();
        let caught = [self.caught, others.caught].concat();
        Outcomes { caught, missed, hung, unviable: [self.unviable, others.unviable].concat() }
    }

    /// A line for each file, and one for all.
    pub(super) fn table(&self) -> String {
        let all = [&self.caught, &self.hung, &self.missed, &self.unviable];
        let mut files: Vec<&str> = all.into_iter().flatten().map(|name| file(name)).collect();
        files.sort_unstable();
        files.dedup();
        let row = |of: &dyn Fn(&str) -> bool, what: &str| {
            let [caught, hung, missed, unviable] =
                all.map(|names| names.iter().filter(|name| of(name)).count());
            format!("{:>7} {caught:>7} {hung:>7} {missed:>7} {unviable:>8}  {what}\n", caught + hung + missed)
        };
        let head = " tested  caught    hung  missed unviable\n".to_owned();
        let rows = files.iter().map(|path| row(&|name| file(name) == *path, path));
        head + &rows.collect::<String>() + &row(&|_| true, "all")
    }
}

fn file(mutant: &str) -> &str {
    mutant.split(':').next().unwrap_or(mutant)
}

/// The mutants of one outcome.
fn listed(outcomes: &Path, outcome: &str) -> Result<Vec<String>, String> {
    let path = outcomes.join(format!("{outcome}.txt"));
    let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(text.lines().map(name).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcomes(caught: &[&str], missed: &[&str], hung: &[&str], unviable: &[&str]) -> Outcomes {
        let of = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        Outcomes { caught: of(caught), missed: of(missed), hung: of(hung), unviable: of(unviable) }
    }

    #[test]
    fn what_the_second_pass_says_of_the_rest_counts() {
        let first = outcomes(&["a"], &["b", "c"], &["d"], &["e"]);
        let rest = outcomes(&["b"], &["c"], &["d"], &[]);
        assert_eq!(first.then(rest), outcomes(&["a", "b"], &["c"], &["d"], &["e"]));
    }

    #[test]
    fn all_are_counted_by_file() {
        let all = outcomes(&["a.rs: x", "b.rs: x"], &["a.rs: y"], &["b.rs: z"], &[]);
        let all = all.and(outcomes(&["a.rs: x"], &[], &[], &["b.rs: w"]));
        let rows: Vec<Vec<String>> = all
            .table()
            .lines()
            .skip(1)
            .map(|row| row.split_whitespace().map(str::to_owned).collect())
            .collect();
        let told = ["3 2 0 1 0 a.rs", "2 1 1 0 1 b.rs", "5 3 1 1 1 all"];
        assert_eq!(rows, told.map(|row| row.split(' ').map(str::to_owned).collect::<Vec<_>>()));
    }
}
