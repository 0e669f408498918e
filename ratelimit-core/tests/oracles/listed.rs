//! That every trace is listed, and none is listed that is not there.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::traces::{Events, TRACES, Use};

/// The folders in `folder`, by name.
fn folders(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let name = |entry: fs::DirEntry| entry.file_name().into_string().expect("a plain name");
    let mut names: Vec<_> = entries.map(|entry| name(entry.expect("an entry"))).collect();
    names.sort();
    names
}

/// How many traces there are of each kind, here and with the leaky bucket.
fn there() -> BTreeMap<String, usize> {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let here = tests.join("oracles/fixtures");
    let peers = folders(&here).into_iter().map(|peer| (here.join(&peer), peer));
    let leaky = (tests.join("leaky/fixtures"), "asyncutils".to_owned());
    let mut there = BTreeMap::new();
    for (folder, peer) in peers.chain([leaky]) {
        for kind in folders(&folder) {
            there.insert(format!("{peer}/{kind}"), folders(&folder.join(&kind)).len());
        }
    }
    there
}

#[test]
fn every_trace_is_listed() {
    let compared = TRACES.iter().filter_map(|(kind, made)| match made {
        Use::Compared(events) => Some(((*kind).to_owned(), events.traces)),
        Use::ByExample(..) | Use::NotCompared(_) => None,
    });
    assert_eq!(
        there(),
        compared.collect(),
        "the traces that are there, and those that are listed as compared"
    );
}

#[test]
fn what_examples_replay_is_there() {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for (kind, made) in TRACES {
        let Use::ByExample(folder, Events { traces, compared, .. }) = made else { continue };
        let files = folders(&workspace.join(folder));
        let events = |file: &String| {
            let text = fs::read_to_string(workspace.join(folder).join(file)).expect("a text");
            text.lines().filter(|line| line.contains("\"ok\"")).count()
        };
        assert_eq!((files.len(), files.iter().map(events).sum::<usize>()), (traces, compared), "{kind}");
    }
}

#[test]
fn the_list_is_in_order_and_says_why() {
    assert!(TRACES.is_sorted_by(|(a, _), (b, _)| a < b), "each kind once, in order");
    for (kind, made) in TRACES {
        let (what, left_out, why) = match made {
            Use::Compared(events) | Use::ByExample(_, events) => {
                (format!("{} compared", events.compared), events.left_out, events.why)
            }
            Use::NotCompared(why) => ("not compared".to_owned(), 1, why),
        };
        println!("{kind}: {what}{}{why}", if why.is_empty() { "" } else { "; " });
        assert_eq!(left_out == 0, why.is_empty(), "{kind}: why not all of them");
    }
}
