//! A table for people and `target/bench-stores.json` for scripts.

use std::fs;
use std::path::{Path, PathBuf};

use comfy_table::{Table, presets::UTF8_FULL_CONDENSED};
use figures::{Spread, right, short, thousandths};
use serde_json::{Value, json};

use crate::measure::{Failure, Measured, Missing};
use crate::rows::{Figure, Row};

/// A row as it came out.
#[derive(Clone, Debug)]
pub(crate) struct Verdict {
    pub(crate) row: Row,
    outcome: Outcome,
}

#[derive(Clone, Debug)]
enum Outcome {
    Measured(Measured, f64),
    /// Something is not there that it needs.
    Missing(String),
    Failed(String),
}

impl Verdict {
    /// Of what its contest found.
    pub(crate) fn of(row: &Row, measured: &Result<Vec<Measured>, Failure>) -> Self {
        let outcome = match measured {
            Ok(all) => match all.iter().find(|measured| measured.row == row.name) {
                Some(measured) => Outcome::Measured(measured.clone(), figure(row.figure, measured)),
                None => Outcome::Failed("nothing was measured of it".to_owned()),
            },
            Err(error) if error.is::<Missing>() => Outcome::Missing(error.to_string()),
            Err(error) => Outcome::Failed(error.to_string()),
        };
        Verdict { row: *row, outcome }
    }

    /// `None` = not measured.
    fn is_ok(&self) -> Option<bool> {
        match &self.outcome {
            Outcome::Measured(_, figure) => Some(*figure <= self.row.limit),
            Outcome::Missing(_) => None,
            Outcome::Failed(_) => Some(false),
        }
    }

    fn says(&self) -> &'static str {
        match (&self.outcome, self.is_ok()) {
            (Outcome::Failed(_), _) => "FAILED",
            (Outcome::Measured(..), _) if self.row.limit == f64::INFINITY => "-",
            (_, Some(true)) => "ok",
            (_, Some(false)) => "OVER",
            (_, None) => "not measured",
        }
    }
}

/// What is limited; no number where there is nothing to compare with.
fn figure(figure: Figure, measured: &Measured) -> f64 {
    let of = |spread: Option<Spread>| spread.map_or(f64::NAN, |spread| spread.median);
    match figure {
        Figure::AddedTo(_) => of(measured.added),
        Figure::To(_) => measured.ours.median / of(measured.peer),
        Figure::Alone => measured.ours.median,
    }
}

/// `false` = some row is over its limit, or its measurement failed.
pub(crate) fn publish(verdicts: &[Verdict]) -> Result<bool, Failure> {
    println!("{}", table(verdicts));
    let path = folder().join("bench-stores.json");
    let text = serde_json::to_string_pretty(&verdicts.iter().map(json).collect::<Vec<_>>())? + "\n";
    fs::create_dir_all(folder())
        .and_then(|()| fs::write(&path, text))
        .map_err(|error| format!("{} could not be written: {error}", path.display()))?;
    for verdict in verdicts {
        let name = verdict.row.name;
        match &verdict.outcome {
            Outcome::Measured(_, figure) if verdict.is_ok() == Some(false) => {
                eprintln!("over its limit: {name}: {figure:.3}");
            }
            Outcome::Measured(..) => {}
            Outcome::Missing(reason) => eprintln!("not measured: {name}: {reason}"),
            Outcome::Failed(reason) => eprintln!("failed: {name}: {reason}"),
        }
    }
    Ok(verdicts.iter().all(|verdict| verdict.is_ok() != Some(false)))
}

/// Where figures are written to, wherever programs are built.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("target")
}

fn json(verdict: &Verdict) -> Value {
    let Row { name, figure: kind, limit, .. } = verdict.row;
    let (measured, figure, reason) = match &verdict.outcome {
        Outcome::Measured(measured, figure) => (Some(measured), Some(*figure), None),
        Outcome::Missing(reason) | Outcome::Failed(reason) => (None, None, Some(reason)),
    };
    let peer = measured.and_then(|measured| measured.peer);
    json!({
        "row": name,
        "unit": measured.map(|measured| measured.unit),
        "ours": measured.map(|measured| thousandths(measured.ours.median)),
        "peer": peer.map(|peer| thousandths(peer.median)),
        "peer_name": kind.peer(),
        "figure": figure.map(thousandths),
        "figure_is": kind.means(),
        "limit": limit,
        "ok": verdict.is_ok(),
        "reason": reason,
    })
}

fn table(verdicts: &[Verdict]) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED);
    table.set_header([
        "row",
        "ours\nmedian",
        "\np10",
        "peer\nmedian",
        "\np10",
        "unit",
        "figure",
        "at most",
        "verdict",
        "figure is",
    ]);
    for verdict in verdicts {
        let none = || "-".to_owned();
        let (measured, figure) = match &verdict.outcome {
            Outcome::Measured(measured, figure) => (Some(measured), *figure),
            Outcome::Missing(_) | Outcome::Failed(_) => (None, f64::NAN),
        };
        let ours = measured.map(|measured| measured.ours);
        let peer = measured.and_then(|measured| measured.peer);
        let Row { name, figure: kind, limit, .. } = verdict.row;
        table.add_row([
            name.to_owned(),
            ours.map_or_else(none, |ours| short(ours.median)),
            ours.map_or_else(none, |ours| short(ours.p10)),
            peer.map_or_else(none, |peer| short(peer.median)),
            peer.map_or_else(none, |peer| short(peer.p10)),
            measured.map_or_else(none, |measured| measured.unit.to_owned()),
            short(figure),
            if limit == f64::INFINITY { none() } else { short(limit) },
            verdict.says().to_owned(),
            kind.peer().map_or_else(
                || kind.means().to_owned(),
                |peer| kind.means().replace("peer", &format!("that of {peer}")),
            ),
        ]);
    }
    right(&mut table, [1, 2, 3, 4, 6, 7]);
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::ROWS;

    fn verdict(figure: Figure, limit: f64, rounds: &[(f64, f64)]) -> Verdict {
        let row = Row { figure, limit, ..ROWS[0] };
        Verdict::of(&row, &Ok(vec![Measured::beside(row.name, "us", rounds)]))
    }

    fn without(error: Failure) -> Verdict {
        Verdict::of(&ROWS[0], &Err(error))
    }

    #[test]
    fn less_is_better() {
        let rounds = [(30.0, 20.0)];
        for (figure, least) in [(Figure::AddedTo("it"), 10.0), (Figure::To("it"), 1.5), (Figure::Alone, 30.0)]
        {
            assert_eq!(verdict(figure, least, &rounds).is_ok(), Some(true), "{figure:?}");
            let over = verdict(figure, least - 0.1, &rounds);
            assert_eq!((over.is_ok(), over.says()), (Some(false), "OVER"), "{figure:?}");
        }
    }

    #[test]
    fn what_is_no_number_is_over_every_limit() {
        assert_eq!(verdict(Figure::To("it"), 1.0, &[(0.0, 0.0)]).is_ok(), Some(false));
        assert_eq!(verdict(Figure::Alone, 1.0, &[]).is_ok(), Some(false));
    }

    #[test]
    fn scripts_are_told_of_limits_and_verdicts() {
        let json = json(&verdict(Figure::To("it"), 2.0, &[(30.0, 20.0)]));
        assert_eq!(
            (&json["ours"], &json["peer"], &json["peer_name"]),
            (&json!(30.0), &json!(20.0), &json!("it"))
        );
        assert_eq!((&json["figure"], &json["figure_is"]), (&json!(1.5), &json!("ours / peer")));
        assert_eq!((&json["limit"], &json["ok"], &json["reason"]), (&json!(2.0), &json!(true), &Value::Null));
    }

    #[test]
    fn what_is_missing_is_said_and_fails_nothing_but_a_failure_does() {
        let missing = without(Box::new(Missing("no server here".to_owned())));
        assert_eq!((missing.is_ok(), missing.says()), (None, "not measured"));
        let json = json(&missing);
        assert_eq!((&json["figure"], &json["ok"], &json["ours"]), (&Value::Null, &Value::Null, &Value::Null));
        assert_eq!(json["reason"], "no server here");
        let failed = without("the store did not answer".into());
        assert_eq!((failed.is_ok(), failed.says()), (Some(false), "FAILED"));
        assert_eq!(super::json(&failed)["reason"], "the store did not answer");
        let none = Verdict::of(&ROWS[0], &Ok(Vec::new()));
        assert_eq!(none.is_ok(), Some(false));
        let text = table(&[missing, failed]).to_string();
        assert!(text.contains("not measured") && text.contains("FAILED"), "{text}");
    }
}
