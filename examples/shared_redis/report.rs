//! What the run was like: a chart, a table, and one line for scripts. All of it from the server's log.

use std::fmt;
use std::time::Duration;

use comfy_table::{CellAlignment, Table, presets::UTF8_FULL_CONDENSED};

use crate::client::LIMIT;
use crate::crew::name;
use crate::play::Record;
use crate::server::limit;

pub fn print(record: &Record) {
    println!("{}", Chart(record));
    println!("{}\n", table(record));
    let diary = &record.diary;
    println!("{}\n", ways(record));
    println!("Callers: {} calls answered, {} refused without the store\n", diary.answered, diary.refused);
    if let Some(reason) = &diary.reason {
        println!("The last of these: {reason}\n");
    }
    println!("{}", Summary::of(record));
}

/// Each second's calls, each by the letter of its process. A long run has rows of several seconds, which show their mean.
struct Chart<'a>(&'a Record);

impl Chart<'_> {
    const ROWS: u64 = 36;
}

impl fmt::Display for Chart<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first = first(self.0);
        let step = self.0.ended.saturating_sub(first).as_secs().div_ceil(Self::ROWS).max(1);
        writeln!(
            out,
            "Calls per second at the server: A one of process A served, × one answered 429, │ the limit\n"
        )?;
        let mut from = first;
        while from < self.0.ended {
            let to = from + Duration::from_secs(step);
            let row = format!("{} {}", bar(self.0, from, step), notes(self.0, from, to));
            writeln!(out, "{:>4} s {}", from.saturating_sub(first).as_secs(), row.trim_end())?;
            from = to;
        }
        Ok(())
    }
}

fn first(record: &Record) -> Duration {
    record.log.first().map_or(record.ended, |arrival| arrival.at)
}

/// The calls of one second, the mean of some.
fn bar(record: &Record, from: Duration, seconds: u64) -> String {
    let span = from..from + Duration::from_secs(seconds);
    let within = || record.log.iter().filter(|arrival| span.contains(&arrival.at));
    let mean = |calls: usize| (calls as u64).div_ceil(seconds);
    let mut calls: Vec<char> = Vec::new();
    for process in 0..record.processes {
        let served = within().filter(|arrival| arrival.served && arrival.process == process).count();
        calls.extend((0..mean(served)).map(|_| name(process)));
    }
    let served = calls.len();
    calls.extend((0..mean(within().filter(|arrival| !arrival.served).count())).map(|_| '×'));
    let limit = LIMIT.amount() as usize;
    calls.resize(calls.len().max(limit), ' ');
    calls.insert(limit, '│');
    format!("{served:>4} {}", calls.into_iter().collect::<String>())
}

/// What happened between two times.
fn notes(record: &Record, from: Duration, to: Duration) -> String {
    let killed = record.killed.iter().filter(|(_, at)| (from..to).contains(at));
    let killed = killed.map(|(process, _)| format!("{} is killed", name(*process)));
    let since_first = |time: Duration| seconds(time.saturating_sub(first(record)));
    let away = record.outages.iter().filter(|(gone, back)| *gone < to && *back > from);
    let away = away.map(|&(gone, back)| {
        let begin = (gone >= from).then(|| format!(" from {}", since_first(gone)));
        let end = (back < to).then(|| format!(" until {}", since_first(back)));
        ["the store is away".to_owned()].into_iter().chain(begin).chain(end).collect::<String>()
    });
    killed.chain(away).collect::<Vec<_>>().join(", ")
}

/// A row for each process.
fn table(record: &Record) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED);
    table.set_header(["process", "served", "answered 429", "longest time\nbetween two"]);
    for process in 0..record.processes {
        let mine = |served| {
            record.log.iter().filter(move |arrival| arrival.process == process && arrival.served == served)
        };
        let times: Vec<Duration> = mine(true).map(|arrival| arrival.at).collect();
        let longest =
            times.iter().zip(times.iter().skip(1)).map(|(one, next)| next.saturating_sub(*one)).max();
        let numbers = [mine(true).count(), mine(false).count()].map(|count| count.to_string());
        let longest = longest.map_or("-".to_owned(), seconds);
        table.add_row([name(process).to_string()].into_iter().chain(numbers).chain([longest]));
    }
    table.column_iter_mut().skip(1).for_each(|column| column.set_cell_alignment(CellAlignment::Right));
    table
}

/// How long calls were on their way: the guard is for that, and who is above it may meet a 429.
fn ways(record: &Record) -> String {
    let mut ways: Vec<Duration> = record.log.iter().map(|arrival| arrival.way).collect();
    ways.sort_unstable();
    let shown = [(50, "half of them"), (99, "99 of 100"), (100, "all")].into_iter();
    let shown = shown.filter_map(|(percent, who)| Some((who, percentile(&ways, percent)?)));
    let shown = shown
        .map(|(who, way)| format!("{who} within {}.{:03} ms", way.as_millis(), way.subsec_micros() % 1000));
    format!("From start to server: {} (guard: 20 ms)", shown.collect::<Vec<_>>().join(", "))
}

/// By nearest rank: the least time that so many percent did not exceed.
fn percentile(sorted: &[Duration], percent: usize) -> Option<Duration> {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.checked_sub(1)?).copied()
}

fn seconds(time: Duration) -> String {
    format!("{}.{:03} s", time.as_secs(), time.subsec_millis())
}

/// The last line.
#[derive(Debug, PartialEq, Eq)]
pub struct Summary {
    pub processes: usize,
    pub server_429: usize,
    pub served: usize,
    /// Of what the limit allows in the time that the store was there, so many thousandths were served in that time.
    pub utilisation: usize,
    pub outages: usize,
}

impl Summary {
    pub fn of(record: &Record) -> Self {
        let there = there(record);
        let is_there = |at: Duration| there.iter().any(|&(from, to)| (from..=to).contains(&at));
        let served = || record.log.iter().filter(|arrival| arrival.served);
        // Those that are served without the store, as their starts had been reserved, are counted, but not here.
        let used = served().filter(|arrival| is_there(arrival.at)).count();
        Self {
            processes: record.processes,
            server_429: record.log.len() - served().count(),
            served: served().count(),
            utilisation: (used * 1000).checked_div(limit().most(&there)).unwrap_or(0),
            outages: record.outages.len(),
        }
    }
}

/// When the store was there, from the first call on.
fn there(record: &Record) -> Vec<(Duration, Duration)> {
    if record.log.is_empty() {
        return Vec::new();
    }
    let begins = [first(record)].into_iter().chain(record.outages.iter().map(|(_, back)| *back));
    let ends = record.outages.iter().map(|(gone, _)| *gone).chain([record.ended]);
    begins.zip(ends).collect()
}

impl fmt::Display for Summary {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { processes, server_429, served, utilisation, outages } = self;
        write!(out, "processes={processes} server_429={server_429} served={served} ")?;
        write!(out, "utilisation={}.{:03} outages={outages}", utilisation / 1000, utilisation % 1000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::Arrival;
    use crate::worker::Diary;

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    /// So many calls of a process at once.
    fn calls(count: usize, at: u64, process: usize, served: bool) -> Vec<Arrival> {
        vec![Arrival { at: ms(at), process, way: ms(1), served }; count]
    }

    /// From 2 s to 6.5 s, without the store from 3.5 s to 5.2 s.
    fn record() -> Record {
        let log = [
            calls(30, 2000, 0, true),
            calls(20, 2001, 1, true),
            calls(1, 2900, 1, false),
            calls(40, 3100, 1, true),
            calls(8, 4200, 1, true),
            calls(50, 5900, 1, true),
        ];
        Record {
            processes: 2,
            log: log.concat(),
            killed: Some((0, ms(2500))),
            outages: vec![(ms(3500), ms(5200))],
            ended: ms(6500),
            diary: Diary::default(),
        }
    }

    #[test]
    fn the_last_line_is_for_scripts() {
        // 100 from 2 s to 3.5 s and 100 from 5.2 s to 6.5 s would have been allowed; 8 came while the store was away.
        let line = Summary::of(&record()).to_string();
        assert_eq!(line, "processes=2 server_429=1 served=148 utilisation=0.700 outages=1");
    }

    #[test]
    fn utilisation_is_never_rounded_up() {
        let log = [calls(50, 0, 0, true), calls(49, 1001, 0, true)].concat();
        let all_but_one = Record { processes: 6, log, ended: ms(1500), ..Record::default() };
        let line = Summary::of(&all_but_one).to_string();
        assert_eq!(line, "processes=6 server_429=0 served=99 utilisation=0.990 outages=0");
        let two_thirds = Record { log: calls(100, 0, 0, true), ended: ms(2500), ..all_but_one };
        assert_eq!(Summary::of(&two_thirds).utilisation, 666);
    }

    #[test]
    fn a_run_without_calls_has_a_report_too() {
        let none = Record { processes: 6, ended: ms(10), ..Record::default() };
        let line = Summary::of(&none).to_string();
        assert_eq!(line, "processes=6 server_429=0 served=0 utilisation=0.000 outages=0");
        assert_eq!(Chart(&none).to_string().lines().count(), 2);
        assert_eq!(table(&none).row_iter().count(), 6);
    }

    #[test]
    fn the_chart_shows_who_was_served_and_what_happened() {
        let bar = |a, b, rejected| format!("{}{}{}", "A".repeat(a), "B".repeat(b), "×".repeat(rejected));
        let rows = [
            format!("   0 s   50 {}│× A is killed", bar(30, 20, 0)),
            format!("   1 s   40 {:<50}│ the store is away from 1.500 s", bar(0, 40, 0)),
            format!("   2 s    8 {:<50}│ the store is away", bar(0, 8, 0)),
            format!("   3 s   50 {}│ the store is away until 3.200 s", bar(0, 50, 0)),
            format!("   4 s    0 {:<50}│", ""),
        ];
        assert_eq!(Chart(&record()).to_string().lines().skip(2).collect::<Vec<_>>(), rows);
    }

    #[test]
    fn ways_are_such_as_occurred() {
        let mut record = record();
        for (arrival, micros) in record.log.iter_mut().zip(1..) {
            arrival.way = Duration::from_micros(micros * 20);
        }
        let line = "half of them within 1.500 ms, 99 of 100 within 2.960 ms, all within 2.980 ms";
        assert_eq!(ways(&record), format!("From start to server: {line} (guard: 20 ms)"));
        assert_eq!(percentile(&[], 50), None);
    }

    #[test]
    fn long_runs_show_means() {
        let log = (0..99).flat_map(|second| calls(3, second * 1000, 0, true)).collect();
        let run = Record { processes: 1, log, ended: ms(99_000), ..Record::default() };
        let chart = Chart(&run).to_string();
        assert_eq!(chart.matches(" 3 AAA ").count(), 33, "{chart}");
    }
}
