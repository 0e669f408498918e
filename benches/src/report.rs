//! Tables for people and `target/bench.json` for scripts.

use std::fs;
use std::path::Path;

use comfy_table::{Table, presets::UTF8_FULL_CONDENSED};
use figures::{right, short, thousandths};
use serde_json::{Value, json};

use crate::limiters::OURS;
use crate::measure::{Failure, Line, Spread};
use crate::probes::Flaws;
use crate::rows::{ADDED, BY_HAND};
use crate::verdict::{Verdict, is_correct, over};

/// `false` = some row is over its limit.
pub(crate) fn publish(verdicts: &[Verdict], lines: &[Line], flaws: &Flaws) -> Result<bool, Failure> {
    println!("{}", table(verdicts));
    if lines.iter().any(is_of_a_peer) {
        println!("{}", everybody(lines, flaws));
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("target");
    let path = folder.join("bench.json");
    let text = serde_json::to_string_pretty(&verdicts.iter().map(json).collect::<Vec<_>>())? + "\n";
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(&path, text))
        .map_err(|error| format!("{} could not be written: {error}", path.display()))?;
    for verdict in verdicts.iter().filter(|verdict| !verdict.is_ok()) {
        eprintln!("over its limit: {}: {:.3}", verdict.row.name, verdict.ratio);
    }
    Ok(verdicts.iter().all(Verdict::is_ok))
}

fn json(verdict: &Verdict) -> Value {
    json!({
        "row": verdict.row.name,
        "unit": verdict.unit,
        "ours": thousandths(verdict.ours.median),
        "peer": thousandths(verdict.peer.median),
        "peer_name": verdict.row.ratio.peer(),
        "ratio": thousandths(verdict.ratio),
        "limit": verdict.row.limit,
        "ok": verdict.is_ok(),
    })
}

fn table(verdicts: &[Verdict]) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED);
    let header = ["row", "ours\nmedian", "\np10", "peer\nmedian", "\np10", "added\nmedian", "\np10 to p90"];
    table.set_header(header.into_iter().chain(["unit", "ratio", "at most", "ok", "peer"]));
    for verdict in verdicts {
        let Verdict { row, unit, ours, peer, added, ratio } = verdict;
        let limit = row.limit.map_or_else(|| "-".to_owned(), |limit| format!("{limit:.2}"));
        let ok = match row.limit {
            None => "-",
            Some(_) if verdict.is_ok() => "yes",
            Some(_) => "no",
        };
        let (added, to) = added.map_or_else(
            || ("-".to_owned(), "-".to_owned()),
            |Spread { p10, median, p90 }| (format!("{median:+.2}"), format!("{p10:+.1} to {p90:+.1}")),
        );
        table.add_row([
            row.name.to_owned(),
            short(ours.median),
            short(ours.p10),
            short(peer.median),
            short(peer.p10),
            added,
            to,
            (*unit).to_owned(),
            if ratio.is_finite() { format!("{ratio:.3}") } else { "-".to_owned() },
            limit,
            ok.to_owned(),
            row.ratio.peer().to_owned(),
        ]);
    }
    right(&mut table, [1, 2, 3, 4, 5, 6, 8, 9]);
    table
}

fn is_of_a_peer(line: &Line) -> bool {
    ![OURS, ADDED, BY_HAND].contains(&line.who)
}

/// Everybody's own figures, and what is wrong with whom. Ratios are with who is correct.
fn everybody(lines: &[Line], flaws: &Flaws) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED);
    table.set_header(["action", "limiter", "median", "p10", "unit", "ours / its", "not correct"]);
    let actions = lines.iter().filter(|line| is_of_a_peer(line)).map(|line| line.action);
    let is_compared = |line: &&Line| actions.clone().any(|action| action == line.action);
    let mut last = "";
    for line in lines.iter().filter(is_compared) {
        let ours = lines.iter().find(|ours| ours.who == OURS && ours.action == line.action);
        let ratio = ours
            .filter(|_| line.who != OURS && is_correct(line, flaws))
            .map_or(f64::NAN, |ours| over(ours.spread, line.spread));
        let known = flaws.get(line.who).into_iter().flatten();
        let wrong: Vec<_> = line.flaw.iter().chain(known).map(String::as_str).collect();
        table.add_row([
            if line.action == last { String::new() } else { line.action.to_owned() },
            line.who.to_owned(),
            short(line.spread.median),
            short(line.spread.p10),
            line.unit.to_owned(),
            short(ratio),
            wrong.join("; "),
        ]);
        last = line.action;
    }
    right(&mut table, [2, 3, 5]);
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::Ratio;
    use crate::verdict::of;
    use crate::verdict::tests::{PEER, measured};

    #[test]
    fn scripts_are_told_of_limits_and_verdicts() {
        let (row, lines) = measured(Ratio::To(PEER), Some(0.6), 50.0, 100.0);
        let json = json(&of(&row, &lines, &Flaws::new()).expect("a verdict"));
        assert_eq!(json["ratio"], 0.5);
        assert_eq!((&json["limit"], &json["ok"]), (&json!(0.6), &json!(true)));
        assert_eq!((&json["peer"], &json["peer_name"]), (&json!(100.0), &json!(PEER)));
        let mut names: Vec<_> = json.as_object().expect("an object").keys().collect();
        names.sort();
        assert_eq!(names, ["limit", "ok", "ours", "peer", "peer_name", "ratio", "row", "unit"]);
        let (row, lines) = measured(Ratio::To(PEER), None, 500.0, 100.0);
        let json = super::json(&of(&row, &lines, &Flaws::new()).expect("a verdict"));
        assert_eq!((&json["limit"], &json["ok"]), (&Value::Null, &json!(true)));
    }

    #[test]
    fn people_see_what_is_wrong_with_whom_and_no_ratio_to_it() {
        let (row, lines) = measured(Ratio::ToCostOf(PEER), Some(1.0), 50.0, 100.0);
        let text = everybody(&lines, &Flaws::new()).to_string();
        assert!(text.contains("0.500") && text.contains(row.name), "{text}");
        let flaws = Flaws::from([(PEER, vec!["grants all".to_owned()])]);
        let text = everybody(&lines, &flaws).to_string();
        assert!(!text.contains("0.500") && text.contains("grants all"), "{text}");
        assert!(table(&[of(&row, &lines, &flaws).expect("a verdict")]).to_string().contains("yes"));
    }
}
