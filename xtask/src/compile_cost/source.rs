//! The generated source: one text, in which only the attributes' lines differ.

use std::fmt::Write;

pub(crate) const FUNCTIONS: usize = 300;
/// So many functions call one another, and the future of the first must be `Send`.
const CHAIN: usize = 10;

/// What stands above each function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Variant {
    Plain,
    Limited,
    Instrument,
}

impl Variant {
    pub(crate) const ALL: [Variant; 3] = [Variant::Plain, Variant::Limited, Variant::Instrument];

    /// Of the generated package too.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Variant::Plain => "plain",
            Variant::Limited => "limited",
            Variant::Instrument => "instrument",
        }
    }

    fn attribute(self, full: bool) -> &'static str {
        match (self, full) {
            (Variant::Plain, _) => "",
            (Variant::Limited, false) => "#[rate_limited::rate_limited(bucket = \"kitsu\")]\n",
            (Variant::Limited, true) => {
                "#[rate_limited::rate_limited(bucket = \"kitsu\", key = \"{user}\", weight = items.len(), max_delay = \"500ms\")]\n"
            }
            (Variant::Instrument, _) => "#[tracing::instrument]\n",
        }
    }
}

const HEAD: &str = "\
#[derive(Debug)]
pub struct Problem;

impl From<rate_limited::Error> for Problem {
    fn from(_: rate_limited::Error) -> Self {
        Problem
    }
}

#[derive(Debug)]
pub struct Client {
    base: String,
}

fn spawn<T: Future + Send + 'static>(_: T) {}
";

/// The library of 300 functions; every third has all arguments in its attribute.
///
/// They take what functions of an API's client take and do little: they check an argument, await the next, and look at
/// what it gave. The more a body does, the less the attributes weigh: the ratio to plain falls, that to `instrument`
/// rises.
pub(crate) fn library(variant: Variant) -> String {
    let mut source = HEAD.to_owned();
    let mut heads = String::new();
    for number in 0..FUNCTIONS {
        let (chain, step) = (number / CHAIN, number % CHAIN);
        if step == 0 {
            let client = "Client { base: String::new() }";
            let _ = writeln!(heads, "    spawn(chain_{chain}_step_0({client}, 1, 1, Vec::new()));");
        }
        source.push('\n');
        source.push_str(variant.attribute(number % 3 == 0));
        let _ = writeln!(
            source,
            "pub async fn chain_{chain}_step_{step}\
             (client: Client, user: u64, page: u32, items: Vec<u64>) -> Result<u64, Problem> {{"
        );
        if step + 1 == CHAIN {
            source.push_str("    std::future::ready(Ok(client.base.len() as u64 + user + u64::from(page) + items.len() as u64)).await\n}\n");
        } else {
            let _ = writeln!(
                source,
                "    let page = page.checked_add(1).ok_or(Problem)?;\n    \
                 let rest = chain_{chain}_step_{}(client, user + 1, page, items).await?;\n    \
                 Ok(rest.max(user))\n}}",
                step + 1
            );
        }
    }
    let _ = write!(source, "\npub fn spawn_all() {{\n{heads}}}\n");
    source
}

/// An `async fn` whose future's size is taken: its name, its text from the name on, and the arguments of a call.
struct Shape {
    name: &'static str,
    full: bool,
    text: &'static str,
    call: &'static str,
}

/// Arguments are used after an await. One that is used up before the first await of a body costs its size once more, by
/// the attribute as by an await written by hand in front: the compiler then keeps both the argument and its variable.
const SHAPES: [Shape; 4] = [
    Shape {
        name: "unkeyed",
        full: false,
        text: "(user: u64) -> Result<u64, Error> {\n    ready(()).await;\n    Ok(user)\n}",
        call: "(1)",
    },
    Shape {
        name: "keyed",
        full: true,
        text: "(user: u64, items: Vec<u64>) -> Result<u64, Error> {\n    ready(()).await;\n    \
               Ok(user + items.len() as u64)\n}",
        call: "(1, Vec::new())",
    },
    Shape {
        name: "large",
        full: false,
        text: "(payload: [u8; 1024]) -> Result<u8, Error> {\n    ready(()).await;\n    Ok(payload[0])\n}",
        call: "([0; 1024])",
    },
    Shape {
        name: "large_keyed",
        full: true,
        text: "(user: u64, items: [u8; 1024]) -> Result<u64, Error> {\n    ready(()).await;\n    \
               Ok(user + items.len() as u64)\n}",
        call: "(1, [0; 1024])",
    },
];

/// A program that prints for each shape its name and the sizes of the plain and of the annotated future.
pub(crate) fn sizes() -> String {
    let mut source = String::new();
    for variant in [Variant::Plain, Variant::Limited] {
        let module = variant.name();
        let _ = write!(source, "mod {module} {{\nuse std::future::ready;\nuse rate_limited::Error;\n");
        for Shape { name, full, text, .. } in SHAPES {
            let _ = write!(source, "\n{}pub async fn {name}{text}\n", variant.attribute(full));
        }
        source.push_str("}\n\n");
    }
    source.push_str("fn main() {\n");
    for Shape { name, call, .. } in SHAPES {
        let [plain, limited] =
            ["plain", "limited"].map(|module| format!("size_of_val(&{module}::{name}{call})"));
        let _ = writeln!(source, "    println!(\"{name} {{}} {{}}\", {plain}, {limited});");
    }
    source.push_str("}\n");
    source
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_attribute(line: &&str) -> bool {
        line.starts_with("#[rate_limited::") || line.starts_with("#[tracing::")
    }

    fn attributes(source: &str) -> Vec<&str> {
        source.lines().filter(is_attribute).collect()
    }

    #[test]
    fn variants_differ_only_in_attributes() {
        let plain = library(Variant::Plain);
        assert_eq!(attributes(&plain), Vec::<&str>::new());
        for variant in [Variant::Limited, Variant::Instrument] {
            let source = library(variant);
            assert!(source.lines().filter(|line| !is_attribute(line)).eq(plain.lines()), "{variant:?}");
        }
    }

    #[test]
    fn every_function_is_annotated_and_a_third_in_full() {
        let limited = library(Variant::Limited);
        let full = |line: &&&str| ["key =", "weight =", "max_delay ="].iter().all(|part| line.contains(part));
        assert_eq!(attributes(&limited).len(), 300);
        assert_eq!(attributes(&limited).iter().filter(full).count(), 100);
        assert_eq!(attributes(&library(Variant::Instrument)).len(), 300);
        for source in Variant::ALL.map(library) {
            let mut lines = source.lines().peekable();
            let mut annotated = 0;
            while let Some(line) = lines.next() {
                annotated += usize::from(
                    is_attribute(&line)
                        && lines.peek().is_some_and(|next| next.starts_with("pub async fn chain_")),
                );
            }
            assert_eq!(annotated, attributes(&source).len());
        }
    }

    #[test]
    fn functions_are_called_in_chains_of_ten() {
        let source = library(Variant::Plain);
        assert_eq!(source.matches("pub async fn chain_").count(), 300);
        assert_eq!(source.matches("let rest = chain_").count(), 270);
        assert_eq!(source.matches("    spawn(chain_").count(), 30);
        assert!(source.contains("let rest = chain_29_step_9(client, user + 1, page, items).await?;"));
    }

    #[test]
    fn both_modules_have_the_same_shapes() {
        let source = sizes();
        assert_eq!(attributes(&source).len(), SHAPES.len());
        for Shape { name, .. } in SHAPES {
            assert_eq!(source.matches(&format!("pub async fn {name}(")).count(), 2, "{name}");
        }
    }
}
