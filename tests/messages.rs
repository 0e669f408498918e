//! The documentation's pages of messages, held against what the compiler says: the `.stderr` of the ui tests.
//!
//! A message that has no page, and a page of a message that nobody is told any more, fail here.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says so by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// What a compiler's output, or the block of text of a page, says.
#[derive(Debug, Default)]
struct Said {
    messages: Vec<Message>,
    /// What stands behind the arrows, and the notes.
    remarks: BTreeSet<String>,
}

#[derive(Debug)]
struct Message {
    /// `error: ..` or `error[E0277]: ..`.
    line: String,
    /// From the attribute itself, or from a trait of ours.
    ours: bool,
}

/// A page of one or more messages.
#[derive(Debug)]
struct Page {
    name: String,
    said: Said,
    blocks: Vec<Block>,
}

/// Code between fences.
#[derive(Debug)]
struct Block {
    /// What stands behind the opening fence.
    info: String,
    code: String,
}

impl Block {
    fn fails(&self) -> bool {
        self.info.starts_with("compile_fail")
    }

    fn compiles(&self) -> bool {
        matches!(self.info.as_str(), "" | "rust")
    }

    /// The lines that are an attribute of ours.
    fn attributes(&self) -> impl Iterator<Item = &str> {
        attributes(&self.code)
    }
}

/// A misuse of the ui tests.
#[derive(Debug)]
struct Case {
    name: String,
    source: String,
    said: Said,
}

fn attributes(source: &str) -> impl Iterator<Item = &str> {
    source.lines().map(str::trim).filter(|line| line.starts_with("#[rate_limited("))
}

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The files of that extension, by name.
fn files(directory: &str, extension: &str) -> BTreeMap<String, String> {
    fs::read_dir(here(directory))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .map(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            (name, fs::read_to_string(&path).unwrap())
        })
        .collect()
}

/// All but those of bodies, on which the attribute has nothing to say.
fn cases() -> Vec<Case> {
    let mut sources = files("ui/fail", "rs");
    let cases: Vec<Case> = files("ui/fail", "stderr")
        .into_iter()
        .filter(|(name, _)| !name.starts_with("body_"))
        .map(|(name, text)| {
            let source = sources.remove(&name).unwrap();
            Case { name, source, said: said(&text) }
        })
        .collect();
    assert!(cases.len() >= 100, "{} cases", cases.len());
    cases
}

fn pages() -> Vec<Page> {
    let pages: Vec<Page> = files("../src/attribute/messages", "md")
        .into_iter()
        .map(|(name, text)| {
            let (texts, blocks): (Vec<Block>, _) =
                blocks(&text).into_iter().partition(|block| block.info == "text");
            let [text] = texts.as_slice() else { panic!("{name}: not one block of text, but {texts:?}") };
            Page { name, said: said(&text.code), blocks }
        })
        .collect();
    assert!(pages.len() >= 45, "{} pages", pages.len());
    pages
}

fn blocks(text: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut open = false;
    for line in text.lines() {
        match (line.strip_prefix("```"), open) {
            (Some(info), false) => {
                blocks.push(Block { info: info.to_owned(), code: String::new() });
                open = true;
            }
            (Some(_), true) => open = false,
            (None, true) => {
                let block = blocks.last_mut().unwrap();
                block.code.push_str(line);
                block.code.push('\n');
            }
            (None, false) => {}
        }
    }
    assert!(!open, "a fence is open at the end");
    blocks
}

/// Reads a compiler's output. Pages break their long lines, and go on six spaces further in.
fn said(text: &str) -> Said {
    let text = text.replace("\n      ", " ");
    let mut said = Said::default();
    for line in text.lines() {
        if line.starts_with("error") {
            said.messages.push(Message { line: line.to_owned(), ours: line.starts_with("error: ") });
        }
        if line.contains("the trait `rate_limited::__private::")
            && let Some(message) = said.messages.last_mut()
        {
            message.ours = true;
        }
        let label = line.rsplit_once('^').map(|(_, label)| label);
        let note = line.trim_start().strip_prefix("= note:");
        said.remarks.extend(label.or(note).map(|remark| remark.trim().to_owned()));
    }
    said.remarks.remove("");
    said
}

/// A message without what differs from use to use: what is quoted, and numbers. The parameter that it starts with
/// stays, since two parameters may be told the same.
fn shape(message: &str) -> String {
    let (kind, text) = message.split_once(": ").unwrap_or(("", message));
    let mut shape = format!("{kind}: ");
    let mut quote = None;
    let mut quoted = String::new();
    for character in text.chars() {
        match quote {
            Some(end) if end == character => {
                let first = shape.len() == kind.len() + 2;
                shape.push_str(if first && parameters().contains(&quoted) { &quoted } else { "_" });
                quoted.clear();
                quote = None;
            }
            Some(_) => quoted.push(character),
            None if matches!(character, '`' | '"') => quote = Some(character),
            None if character.is_ascii_digit() => {
                if !shape.ends_with('0') {
                    shape.push('0');
                }
            }
            None => shape.push(character),
        }
    }
    shape
}

/// All parameters, as the attribute itself lists them for a name that is near none.
fn parameters() -> BTreeSet<String> {
    let text = fs::read_to_string(here("ui/fail/unknown_parameter_far.stderr")).unwrap();
    let (_, list) = text.lines().next().unwrap().split_once("expected one of ").unwrap();
    list.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

fn shapes(messages: &[Message]) -> BTreeSet<String> {
    messages.iter().map(|message| shape(&message.line)).collect()
}

#[track_caller]
fn none(problems: &[String]) {
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
}

#[test]
fn every_message_has_a_page() {
    let known: BTreeSet<String> = pages().iter().flat_map(|page| shapes(&page.said.messages)).collect();
    let mut problems = Vec::new();
    for case in cases() {
        for message in case.said.messages.iter().filter(|message| message.ours) {
            if !known.contains(&shape(&message.line)) {
                problems.push(format!("{}: no page has: {}", case.name, message.line));
            }
        }
    }
    none(&problems);
}

#[test]
fn every_page_is_of_a_message() {
    let cases = cases();
    let told: BTreeSet<String> = cases.iter().flat_map(|case| shapes(&case.said.messages)).collect();
    let remarks: BTreeSet<&String> = cases.iter().flat_map(|case| &case.said.remarks).collect();
    let mut problems = Vec::new();
    for page in pages() {
        if page.said.messages.is_empty() {
            problems.push(format!("{}: no message", page.name));
        }
        for message in &page.said.messages {
            if !told.contains(&shape(&message.line)) {
                problems.push(format!("{}: nobody is told: {}", page.name, message.line));
            }
        }
        for remark in page.said.remarks.iter().filter(|remark| !remarks.contains(remark)) {
            problems.push(format!("{}: nobody is told: {remark}", page.name));
        }
    }
    none(&problems);
}

/// The wrong code is wrong for the reason that the page gives: a misuse of the ui tests has the same attribute, and is
/// told a message of the page.
#[test]
fn every_page_shows_the_wrong_and_the_right() {
    let cases = cases();
    let mut problems = Vec::new();
    for page in pages() {
        let (wrong, right): (Vec<&Block>, Vec<&Block>) = page.blocks.iter().partition(|block| block.fails());
        let [wrong] = wrong.as_slice() else {
            problems.push(format!("{}: not one block that fails to compile", page.name));
            continue;
        };
        if right.is_empty() || !right.iter().all(|block| block.compiles() && block.attributes().count() > 0) {
            problems.push(format!("{}: no block that compiles", page.name));
        }
        let shapes = shapes(&page.said.messages);
        let shown = wrong.attributes().next().is_some_and(|attribute| {
            cases.iter().any(|case| {
                attributes(&case.source).any(|line| line == attribute)
                    && case.said.messages.iter().any(|message| shapes.contains(&shape(&message.line)))
            })
        });
        if !shown {
            problems.push(format!("{}: no ui test has its attribute and its message", page.name));
        }
    }
    none(&problems);
}

#[test]
fn every_parameter_has_a_page_with_examples() {
    let pages = files("../src/attribute", "md");
    let parameters = parameters();
    assert!(parameters.len() >= 10, "{parameters:?}");
    let mut problems = Vec::new();
    for name in parameters {
        let Some(page) = pages.get(&name) else {
            problems.push(format!("no page of `{name}`"));
            continue;
        };
        if !blocks(page).iter().any(|block| block.compiles() && block.code.contains("rate_limited(")) {
            problems.push(format!("{name}: no example"));
        }
    }
    none(&problems);
}

/// A page that no module includes is neither seen nor tested; one that the index leaves out is not found.
#[test]
fn every_page_is_reached() {
    let modules = fs::read_to_string(here("../src/attribute.rs")).unwrap();
    let index = fs::read_to_string(here("../src/attribute/messages.md")).unwrap();
    let mut problems = Vec::new();
    for name in files("../src/attribute", "md").keys() {
        if !modules.contains(&format!("\"attribute/{name}.md\"")) {
            problems.push(format!("{name}: no module includes it"));
        }
    }
    for Page { name, .. } in pages() {
        if !modules.contains(&format!("{name}: \"attribute/messages/{name}.md\"")) {
            problems.push(format!("{name}: no module includes it"));
        }
        if !index.contains(&format!("- [`{name}`]\n")) {
            problems.push(format!("{name}: not in the index"));
        }
    }
    none(&problems);
}

/// Whoever looks for the page of a message searches the index, so it has the texts of all pages. They are not written
/// there by hand: `INDEX=overwrite` in the environment brings them up to date.
#[test]
fn the_index_has_the_texts_of_all_pages() {
    let path = here("../src/attribute/messages.md");
    let index = fs::read_to_string(&path).unwrap();
    let texts: BTreeMap<String, String> =
        pages().into_iter().map(|Page { name, said, .. }| (name, listed(&said))).collect();
    let mut wanted = String::new();
    let mut of_a_page = false;
    for line in index.lines() {
        let name = line.strip_prefix("- [`").and_then(|rest| rest.strip_suffix("`]"));
        of_a_page = name.is_some() || of_a_page && line.starts_with("  ");
        if of_a_page && name.is_none() {
            continue;
        }
        wanted.push_str(line);
        wanted.push('\n');
        if let Some(name) = name {
            wanted.push_str(texts.get(name).unwrap_or_else(|| panic!("no page of {name}")));
        }
    }
    if std::env::var_os("INDEX").is_some_and(|value| value == "overwrite") {
        fs::write(&path, wanted).unwrap();
    } else if index != wanted {
        let (old, new) = index.lines().zip(wanted.lines()).find(|(old, new)| old != new).unwrap_or_default();
        panic!(
            "the index differs from the pages, first in\n{old}\nwhich should be\n{new}\n\
             INDEX=overwrite cargo test -p rate-limited-tests --test messages writes it anew"
        );
    }
}

/// What the index has below the name of a page: its texts, each as code, in lines of at most 120 characters.
fn listed(said: &Said) -> String {
    let messages = said.messages.iter().map(|message| message.line.trim_start_matches("error: "));
    let mut list = String::new();
    for text in messages.chain(said.remarks.iter().map(String::as_str)) {
        let inner = text.split(|character| character != '`').map(str::len).max().unwrap_or(0);
        let fence = "`".repeat(inner + 1);
        let space = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
        let mut line = "  -".to_owned();
        for word in format!("{fence}{space}{text}{space}{fence}").split(' ') {
            // A line must not begin with what would begin something else in Markdown.
            let starts = word.starts_with(|first: char| first.is_ascii_alphabetic() || first == '`');
            if starts && word != fence && line.len() + 1 + word.len() > 116 {
                list.push_str(&line);
                list.push('\n');
                line.replace_range(.., "   ");
            }
            line.push(' ');
            line.push_str(word);
        }
        list.push_str(&line);
        list.push('\n');
    }
    list
}
