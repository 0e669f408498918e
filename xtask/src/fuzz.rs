//! `cargo xtask fuzz`: the targets in `fuzz/`, each for a while.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

use lexopt::{Arg, Parser, ValueExt};

use crate::{mistake, nightly, root};

const HELP: &str = "\
Fuzzes all targets, or those that are named, one after the other.

Usage: cargo xtask fuzz [options] [TARGET].. [-- <options of libFuzzer>]

Targets:
  headers        any bytes are the headers of an answer, and what is read off them makes sense
  rate           any text is a rate or an error, and what a rate prints is read as the same rate
  record         any bytes are a state in a store, judged or refused, and what is written is read as it was written
  schedule       any bytes are a schedule, played against the oracle of the law tests

Options:
  --seconds <N>  how long each is fuzzed [default: 60]
  -h, --help     this text

Needs a nightly compiler and cargo-fuzz. Begins with fuzz/seeds, `record` also with the golden records of the tests, and
with fuzz/corpus, where it keeps what it finds. What makes a target fail is left in fuzz/artifacts, and the output tells
how to run it again.";

struct Target {
    name: &'static str,
    /// Longer inputs show nothing that shorter do not.
    longest: usize,
}

const TARGETS: [Target; 4] = [
    Target { name: "headers", longest: 512 },
    Target { name: "rate", longest: 64 },
    Target { name: "record", longest: 1024 },
    Target { name: "schedule", longest: 4 * 65 },
];

struct Wanted {
    targets: Vec<&'static Target>,
    seconds: u32,
    /// For libFuzzer, as they are.
    options: Vec<OsString>,
}

pub(crate) fn main(words: Vec<OsString>) -> ExitCode {
    match parse(words) {
        Ok(Some(wanted)) => nightly::end(run(&wanted)),
        Ok(None) => {
            println!("{HELP}");
            ExitCode::SUCCESS
        }
        Err(error) => mistake(&error.to_string(), HELP),
    }
}

/// `Ok(None)`: help was asked for.
fn parse(mut words: Vec<OsString>) -> Result<Option<Wanted>, lexopt::Error> {
    let options = match words.iter().position(|word| word == "--") {
        Some(end) => words.split_off(end).into_iter().skip(1).collect(),
        None => Vec::new(),
    };
    let mut wanted = Wanted { targets: Vec::new(), seconds: 60, options };
    let mut words = Parser::from_args(words);
    while let Some(word) = words.next()? {
        match word {
            Arg::Long("seconds") => wanted.seconds = words.value()?.parse()?,
            Arg::Long("help") | Arg::Short('h') => return Ok(None),
            Arg::Value(name) => match TARGETS.iter().find(|target| name == target.name) {
                Some(target) => wanted.targets.push(target),
                None => {
                    return Err(format!(
                        "no target `{}`: there are headers, rate, record, schedule",
                        name.display()
                    )
                    .into());
                }
            },
            _ => return Err(word.unexpected()),
        }
    }
    if wanted.targets.is_empty() {
        wanted.targets.extend(&TARGETS);
    }
    Ok(Some(wanted))
}

fn run(wanted: &Wanted) -> Result<ExitCode, String> {
    nightly::needs(&[])?;
    nightly::needs_tool("fuzz")?;
    for Target { name, longest } in &wanted.targets {
        let (corpus, seeds) = (format!("fuzz/corpus/{name}"), format!("fuzz/seeds/{name}"));
        if *name == "record" {
            plant(&root().join(&corpus))?;
        }
        fs::create_dir_all(root().join(&corpus)).map_err(|error| format!("{corpus}: {error}"))?;
        let mut cargo = nightly::cargo();
        cargo.args(["fuzz", "run", name, &corpus, &seeds, "--", "-print_final_stats=1"]);
        cargo.args([format!("-max_total_time={}", wanted.seconds), format!("-max_len={longest}")]);
        println!("fuzzing {name} for {} s", wanted.seconds);
        let ended = nightly::run(cargo.args(&wanted.options))?;
        if ended != ExitCode::SUCCESS {
            return Ok(ended);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// What programs and scripts keep, as the tests have it.
const RECORDS: [&str; 2] =
    ["ratelimit-core/src/store/judge/tests/records.txt", "ratelimit-core/src/store/redis/tests/records.txt"];
/// The target asks so many things of a record at least, by its first byte; the second is how much later.
const ASKS: u8 = 48;

/// Puts each record into the corpus, for each ask.
fn plant(corpus: &Path) -> Result<(), String> {
    let failed = |path: &Path, error: std::io::Error| format!("{}: {error}", path.display());
    fs::create_dir_all(corpus).map_err(|error| failed(corpus, error))?;
    for path in RECORDS.map(|path| root().join(path)) {
        let text = fs::read_to_string(&path).map_err(|error| failed(&path, error))?;
        for (line, records) in records(&text) {
            for (index, record) in records.into_iter().enumerate() {
                for ask in 0..ASKS {
                    let seed = corpus.join(format!("{line}-{index}-{ask}"));
                    let bytes = [&[ask, ask.wrapping_mul(5)], &*record].concat();
                    fs::write(&seed, bytes).map_err(|error| failed(&seed, error))?;
                }
            }
        }
    }
    Ok(())
}

/// Of each line a name that a file may have, and its records: what is not in hexadecimal is none.
fn records(text: &str) -> impl Iterator<Item = (String, Vec<Vec<u8>>)> {
    let byte = |two: &[u8]| u8::from_str_radix(std::str::from_utf8(two).ok()?, 16).ok();
    text.lines().filter_map(move |line| {
        let (name, records) = line.split_once(" = ")?;
        let name = name.replace(|letter: char| !letter.is_ascii_alphanumeric(), "_");
        let records = records.split(' ').filter_map(|record| record.as_bytes().chunks(2).map(byte).collect());
        Some((name, records.collect()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(words: &[&str]) -> Result<Option<Wanted>, String> {
        parse(words.iter().map(OsString::from).collect()).map_err(|error| error.to_string())
    }

    #[test]
    fn targets_seconds_and_options() {
        let all = parsed(&[]).expect("no mistake").expect("no help");
        assert_eq!((all.targets.len(), all.seconds), (4, 60));
        let one = parsed(&["rate", "--seconds", "9", "--", "-jobs=2"]).expect("no mistake").expect("no help");
        assert_eq!((one.targets.len(), one.targets[0].name, one.seconds), (1, "rate", 9));
        assert_eq!(one.options, ["-jobs=2"]);
        assert!(parsed(&["--help"]).expect("no mistake").is_none());
    }

    #[test]
    fn mistakes_are_named() {
        for (words, part) in
            [(&["rates"][..], "no target `rates`"), (&["--seconds", "x"], "x"), (&["-q"], "'-q'")]
        {
            let message = parsed(words).map(|_| ()).expect_err("refused");
            assert!(message.contains(part), "{words:?}: {message}");
        }
    }

    #[test]
    fn each_record_is_planted() {
        let read = |path| records(&fs::read_to_string(root().join(path)).expect("it is there")).collect();
        let planted: [Vec<(String, Vec<Vec<u8>>)>; 2] = RECORDS.map(read);
        assert!(planted.iter().all(|lines| lines.len() >= 15), "{planted:?}");
        assert!(planted.iter().flatten().all(|(_, records)| records.iter().any(|bytes| bytes.len() > 40)));
        let text = "# what = this is\na: b = 01ff 0a\nc = 0x\n";
        let found: Vec<_> = records(text).collect();
        assert_eq!(found[1..], [("a__b".to_owned(), vec![vec![1, 255], vec![10]]), ("c".to_owned(), vec![])]);
    }

    #[test]
    fn every_target_has_a_file_and_seeds() {
        for target in &TARGETS {
            assert!(root().join(format!("fuzz/fuzz_targets/{}.rs", target.name)).is_file());
            assert!(root().join(format!("fuzz/seeds/{}", target.name)).is_dir());
        }
    }

    /// The target `schedule` is made of the law tests' files, and nobody who changes those compiles it.
    #[test]
    fn the_target_of_schedules_has_all_modules_that_it_needs() {
        let read = |path: &str| fs::read_to_string(root().join(path)).expect("it is readable");
        let target = read("fuzz/fuzz_targets/schedule.rs");
        let has = |name: &str| target.lines().any(|line| line == format!("mod {name};"));
        let included =
            target.lines().filter_map(|line| line.strip_prefix("#[path = \"../../")?.strip_suffix("\"]"));
        for path in included {
            let text = read(path);
            let named = text.split("crate::").skip(1).filter_map(|rest| rest.split("::").next());
            for name in
                named.filter(|name| name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'))
            {
                assert!(has(name), "`{path}` needs `{name}`");
            }
        }
    }
}
