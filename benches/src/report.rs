//! A table for people and `target/bench.json` for scripts.

use std::error::Error;
use std::fs;
use std::path::Path;

use comfy_table::{CellAlignment, Table, presets::UTF8_FULL_CONDENSED};
use serde_json::{Value, json};

use crate::measure::{Measured, Spread};
use crate::rows::Row;

/// `false` = some row is over its limit.
pub(crate) fn publish(measured: &[(&Row, Measured)]) -> Result<bool, Box<dyn Error>> {
    println!("{}", table(measured));
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("target");
    let path = folder.join("bench.json");
    let rows: Vec<_> = measured.iter().map(|(row, measured)| json(row, measured)).collect();
    let text = serde_json::to_string_pretty(&rows)? + "\n";
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(&path, text))
        .map_err(|error| format!("{} could not be written: {error}", path.display()))?;
    for (row, measured) in measured.iter().filter(|(row, measured)| !is_ok(row, measured)) {
        eprintln!("over its limit: {}: {:.3}", row.name, row.ratio(measured));
    }
    Ok(measured.iter().all(|(row, measured)| is_ok(row, measured)))
}

fn is_ok(row: &Row, measured: &Measured) -> bool {
    row.limit.is_none_or(|limit| row.ratio(measured) <= limit)
}

fn json(row: &Row, measured: &Measured) -> Value {
    json!({
        "row": row.name,
        "unit": row.unit,
        "ours": thousandths(measured.ours.median),
        "peer": thousandths(measured.peer.median),
        "peer_name": row.peer_name,
        "ratio": thousandths(row.ratio(measured)),
        "limit": row.limit,
        "ok": is_ok(row, measured),
    })
}

fn thousandths(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}

fn table(measured: &[(&Row, Measured)]) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED);
    let header = ["row", "ours\nmedian", "\np10", "peer\nmedian", "\np10", "added\nmedian", "\np10 to p90"];
    table.set_header(header.into_iter().chain(["unit", "ratio", "at most", "ok", "peer"]));
    for (row, measured) in measured {
        let Measured { ours, peer, added } = measured;
        let one = |value: f64| format!("{value:.1}");
        let Spread { p10, median, p90 } = added;
        let limit = row.limit.map_or_else(|| "-".to_owned(), |limit| format!("{limit:.2}"));
        let verdict = match row.limit {
            None => "-",
            Some(_) if is_ok(row, measured) => "yes",
            Some(_) => "no",
        };
        table.add_row([
            row.name.to_owned(),
            one(ours.median),
            one(ours.p10),
            one(peer.median),
            one(peer.p10),
            format!("{median:+.2}"),
            format!("{p10:+.1} to {p90:+.1}"),
            row.unit.to_owned(),
            format!("{:.2}", row.ratio(measured)),
            limit,
            verdict.to_owned(),
            row.peer_name.to_owned(),
        ]);
    }
    table
        .column_iter_mut()
        .skip(1)
        .take(8)
        .for_each(|column| column.set_cell_alignment(CellAlignment::Right));
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::{ROWS, Ratio};

    fn flat(value: f64) -> Spread {
        Spread { p10: value, median: value, p90: value }
    }

    fn measured(ours: f64, peer: f64) -> Measured {
        Measured { ours: flat(ours), peer: flat(peer), added: flat(ours - peer) }
    }

    fn row(ratio: Ratio, limit: Option<f64>) -> Row {
        Row {
            ratio,
            limit,
            ..ROWS.iter().find(|row| row.name == "annotated, granted").copied().expect("a row")
        }
    }

    #[test]
    fn ratios_below_one_are_better_for_us() {
        let json = json(&row(Ratio::OfMedians, Some(0.6)), &measured(50.0, 100.0));
        assert_eq!(json["ratio"], 0.5);
        assert_eq!((&json["limit"], &json["ok"]), (&json!(0.6), &json!(true)));
        let json = super::json(&row(Ratio::OfDifferenceTo(2.0), Some(1.0)), &measured(103.0, 100.0));
        assert_eq!((&json["ratio"], &json["ok"]), (&json!(1.5), &json!(false)));
    }

    #[test]
    fn a_row_without_limit_is_reported_only() {
        let json = json(&row(Ratio::OfMedians, None), &measured(500.0, 100.0));
        let mut names: Vec<_> = json.as_object().expect("an object").keys().collect();
        names.sort();
        assert_eq!(names, ["limit", "ok", "ours", "peer", "peer_name", "ratio", "row", "unit"]);
        assert_eq!((&json["limit"], &json["ok"]), (&Value::Null, &json!(true)));
        assert!(
            table(&[(&row(Ratio::OfMedians, None), measured(1.0, 2.0))]).to_string().contains("governor")
        );
    }

    #[test]
    fn what_is_no_number_is_over_every_limit() {
        assert!(!is_ok(&row(Ratio::OfMedians, Some(1.0)), &measured(0.0, 0.0)));
    }
}
