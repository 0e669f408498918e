//! The frame of a program that measures rows of a table, all or those that it is asked for.

use std::error::Error;
use std::ffi::{OsStr, OsString};
use std::process::ExitCode;

use lexopt::{Arg, Parser, ValueExt};

/// What went wrong.
pub type Failure = Box<dyn Error + Send + Sync>;

/// What a program does that it started itself: told by the value of a flag.
pub type Child = fn(&OsStr) -> Result<(), Failure>;

/// One line of a table.
pub trait Named: Sync + 'static {
    /// What it is called; no two rows of a program have one name.
    fn name(&self) -> &'static str;
}

/// A program.
#[derive(Debug)]
pub struct Program<R: 'static> {
    /// What it can measure.
    pub rows: &'static [R],
    /// What `--help` prints.
    pub help: &'static str,
    /// Measures these rows; whether all are within their limits.
    pub measure: fn(&[&'static R]) -> Result<bool, Failure>,
    /// By which flag it starts itself, and what it does then with that flag's value.
    pub child: (&'static str, Child),
}

/// What the command line asks for.
#[derive(Debug)]
enum Task<R: 'static> {
    Measure(Vec<&'static R>),
    List,
    Help,
    Child(OsString),
}

impl<R: Named> Program<R> {
    /// Does what the command line says.
    #[must_use]
    pub fn main(&self) -> ExitCode {
        let done = match self.parse(Parser::from_env()) {
            Ok(Task::Measure(rows)) => (self.measure)(&rows),
            Ok(Task::Child(told)) => (self.child.1)(&told).map(|()| true),
            Ok(Task::List) => {
                for row in self.rows {
                    println!("{}", row.name());
                }
                Ok(true)
            }
            Ok(Task::Help) => {
                print!("{}", self.help);
                Ok(true)
            }
            Err(mistake) => {
                eprint!("error: {mistake}\n\n{}", self.help);
                return ExitCode::from(2);
            }
        };
        match done {
            Ok(true) => ExitCode::SUCCESS,
            Ok(false) => ExitCode::FAILURE,
            Err(error) => {
                eprintln!("error: {error}");
                ExitCode::FAILURE
            }
        }
    }

    fn parse(&self, mut words: Parser) -> Result<Task<R>, lexopt::Error> {
        let mut wanted = Vec::new();
        while let Some(word) = words.next()? {
            match word {
                Arg::Long("list") => return Ok(Task::List),
                Arg::Long("help") | Arg::Short('h') => return Ok(Task::Help),
                Arg::Long(flag) if flag == self.child.0 => return Ok(Task::Child(words.value()?)),
                Arg::Value(row) => wanted.push(row.string()?),
                _ => return Err(word.unexpected()),
            }
        }
        let names = || self.rows.iter().map(Named::name);
        if let Some(unknown) = wanted.iter().find(|wanted| !names().any(|name| name.contains(*wanted))) {
            let names: Vec<_> = names().collect();
            let message =
                format!("no row's name contains {unknown:?}; the rows are\n  {}", names.join("\n  "));
            return Err(message.into());
        }
        let is_wanted = |row: &&R| wanted.is_empty() || wanted.iter().any(|part| row.name().contains(part));
        Ok(Task::Measure(self.rows.iter().filter(is_wanted).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROWS: &[&str] = &["keyed, granted", "keyed, refused", "granted"];
    const PROGRAM: Program<&str> =
        Program { rows: ROWS, help: "", measure: |_| Ok(true), child: ("first-use", |_| Ok(())) };

    impl Named for &'static str {
        fn name(&self) -> &'static str {
            self
        }
    }

    fn parsed(words: &[&str]) -> Result<Task<&'static str>, String> {
        PROGRAM.parse(Parser::from_args(words)).map_err(|error| error.to_string())
    }

    fn rows(words: &[&str]) -> Vec<&'static str> {
        match parsed(words) {
            Ok(Task::Measure(rows)) => rows.into_iter().copied().collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn rows_are_chosen_by_a_part_of_their_names() {
        assert_eq!(rows(&[]), ROWS);
        assert_eq!(rows(&["keyed, granted", "keyed, granted"]), ["keyed, granted"]);
        assert_eq!(rows(&["keyed"]), ["keyed, granted", "keyed, refused"]);
        assert!(matches!(parsed(&["--list"]), Ok(Task::List)));
        assert!(matches!(parsed(&["keyed", "-h"]), Ok(Task::Help)));
        assert!(matches!(parsed(&["--first-use", "ours"]), Ok(Task::Child(who)) if who == "ours"));
    }

    #[test]
    fn mistakes_are_named() {
        let message = parsed(&["keyde"]).expect_err("refused");
        assert!(message.contains("\"keyde\""), "{message}");
        assert!(ROWS.iter().all(|row| message.contains(row)), "{message}");
        assert!(parsed(&["--rows"]).expect_err("refused").contains("'--rows'"));
    }
}
