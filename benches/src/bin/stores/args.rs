//! The command line.

use std::path::PathBuf;

use lexopt::{Arg, Parser, ValueExt};

use crate::rows::{ROWS, Row};

pub(crate) const HELP: &str = include_str!("help.txt");

#[derive(Debug)]
pub(crate) enum Task {
    Measure(Vec<&'static Row>),
    List,
    Help,
    /// A child's: one of many processes that use this file.
    OneOfMany(PathBuf),
}

pub(crate) fn parse(mut words: Parser) -> Result<Task, lexopt::Error> {
    let mut wanted = Vec::new();
    while let Some(word) = words.next()? {
        match word {
            Arg::Long("list") => return Ok(Task::List),
            Arg::Long("help") | Arg::Short('h') => return Ok(Task::Help),
            Arg::Long("one-of-many") => return Ok(Task::OneOfMany(words.value()?.into())),
            Arg::Value(row) => wanted.push(row.string()?),
            _ => return Err(word.unexpected()),
        }
    }
    if let Some(unknown) = wanted.iter().find(|wanted| !ROWS.iter().any(|row| row.name.contains(*wanted))) {
        let names: Vec<_> = ROWS.iter().map(|row| row.name).collect();
        return Err(
            format!("no row's name contains {unknown:?}; the rows are\n  {}", names.join("\n  ")).into()
        );
    }
    let is_wanted = |row: &&Row| wanted.is_empty() || wanted.iter().any(|wanted| row.name.contains(wanted));
    Ok(Task::Measure(ROWS.iter().filter(is_wanted).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(words: &[&str]) -> Result<Task, String> {
        parse(Parser::from_args(words)).map_err(|error| error.to_string())
    }

    fn rows(words: &[&str]) -> Vec<&'static str> {
        match parsed(words) {
            Ok(Task::Measure(rows)) => rows.iter().map(|row| row.name).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn rows_are_chosen_by_a_part_of_their_names() {
        assert_eq!(rows(&[]).len(), ROWS.len());
        assert!(rows(&["PING"]).len() == 3 && rows(&["PING"]).iter().all(|name| name.contains("PING")));
        assert_eq!(rows(&["SQLite"]).len(), 3);
        assert!(matches!(parsed(&["--list"]), Ok(Task::List)));
        assert!(matches!(parsed(&["SQLite", "-h"]), Ok(Task::Help)));
    }

    #[test]
    fn mistakes_are_named() {
        let message = parsed(&["SQLight"]).expect_err("refused");
        assert!(message.contains("\"SQLight\""), "{message}");
        assert!(ROWS.iter().all(|row| message.contains(row.name)), "{message}");
        assert!(parsed(&["--rows"]).expect_err("refused").contains("'--rows'"));
    }

    #[test]
    fn no_two_rows_have_one_name() {
        for row in ROWS {
            assert_eq!(ROWS.iter().filter(|other| other.name == row.name).count(), 1, "{}", row.name);
        }
    }
}
