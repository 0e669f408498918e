//! Two tables, what is over its bound, and one line for scripts.

#![expect(clippy::float_arithmetic, reason = "ratios of measured times; no limit is computed here")]

use std::fmt;
use std::process::ExitCode;
use std::time::Duration;

use comfy_table::{CellAlignment, Table, presets::UTF8_FULL_CONDENSED};

use super::measure::{Series, Times};
use super::package::Size;

const MOST_PLAIN: f64 = 2.0;
const MOST_INSTRUMENT: f64 = 0.4;
const MOST_BYTES: i64 = 128;

pub(crate) fn print(times: &Times, sizes: &[Size]) -> ExitCode {
    println!("{}\n{}", time_table(times), size_table(sizes));
    let summary = Summary::of(times, sizes);
    let over = summary.over();
    for over in &over {
        eprintln!("over its bound: {over}");
    }
    println!("{summary}");
    if over.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn time_table(times: &Times) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED);
    table.set_header(["cargo check", "median", "p10", "limited / it", "less cargo alone"]);
    let idle = times.idle.median();
    let rows = [("plain", &times.plain), ("limited", &times.limited), ("instrument", &times.instrument)];
    for (name, series) in rows {
        let ratio = ratio(&times.limited, series);
        let net = |series: &Series| series.median().saturating_sub(idle).as_secs_f64();
        let net_ratio = net(&times.limited) / net(series);
        table.add_row([
            name.to_owned(),
            millis(series.median()),
            millis(series.p10()),
            format!("{ratio:.2}"),
            format!("{net_ratio:.2}"),
        ]);
    }
    let (median, p10) = (millis(idle), millis(times.idle.p10()));
    table.add_row(["cargo alone, nothing to do", &median, &p10, "", ""]);
    aligned(table)
}

fn size_table(sizes: &[Size]) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED);
    table.set_header(["future, bytes", "plain", "limited", "added"]);
    for size in sizes {
        let Size { shape, plain, limited } = size;
        let added = format!("{:+}", size.added());
        table.add_row([shape.clone(), plain.to_string(), limited.to_string(), added]);
    }
    aligned(table)
}

fn aligned(mut table: Table) -> Table {
    table.column_iter_mut().skip(1).for_each(|column| column.set_cell_alignment(CellAlignment::Right));
    table
}

fn millis(time: Duration) -> String {
    format!("{} ms", time.as_millis())
}

fn ratio(ours: &Series, other: &Series) -> f64 {
    ours.median().as_secs_f64() / other.median().as_secs_f64()
}

/// The last line.
struct Summary {
    plain: f64,
    instrument: f64,
    future_bytes: i64,
}

impl Summary {
    fn of(times: &Times, sizes: &[Size]) -> Self {
        Summary {
            plain: ratio(&times.limited, &times.plain),
            instrument: ratio(&times.limited, &times.instrument),
            future_bytes: sizes.iter().map(Size::added).max().unwrap_or_default(),
        }
    }

    fn over(&self) -> Vec<String> {
        let Summary { plain, instrument, future_bytes } = self;
        let mut over = Vec::new();
        for (name, ratio, most) in
            [("plain", *plain, MOST_PLAIN), ("instrument", *instrument, MOST_INSTRUMENT)]
        {
            if ratio > most || ratio.is_nan() {
                over.push(format!("{name} is {ratio:.3}, at most {most:.1} is allowed"));
            }
        }
        if *future_bytes > MOST_BYTES {
            over.push(format!("future_bytes is {future_bytes:+}, at most +{MOST_BYTES} is allowed"));
        }
        over
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Summary { plain, instrument, future_bytes } = self;
        write!(out, "plain={plain:.2} instrument={instrument:.2} future_bytes={future_bytes:+}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times([plain, limited, instrument]: [u64; 3]) -> Times {
        let series = |time| Series::new(vec![Duration::from_millis(time)]);
        Times {
            plain: series(plain),
            limited: series(limited),
            instrument: series(instrument),
            idle: series(10),
        }
    }

    fn size(plain: i64, limited: i64) -> Size {
        Size { shape: "some".to_owned(), plain, limited }
    }

    #[test]
    fn the_last_line_is_for_scripts() {
        let summary = Summary::of(&times([300, 400, 1000]), &[size(100, 180), size(1000, 1040)]);
        assert_eq!(summary.to_string(), "plain=1.33 instrument=0.40 future_bytes=+80");
        assert_eq!(summary.over(), Vec::<String>::new());
    }

    #[test]
    fn each_bound_is_named() {
        let over = Summary::of(&times([300, 601, 1000]), &[size(100, 229)]).over();
        let over: Vec<_> = over.iter().filter_map(|over| over.split(' ').next()).collect();
        assert_eq!(over, ["plain", "instrument", "future_bytes"]);
        let none = Summary { plain: f64::NAN, instrument: 0.1, future_bytes: 0 };
        assert_eq!(none.over().len(), 1);
    }
}
