//! Whatever stands in the attribute, the head and the body: no panic, and every token of the function comes back.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use quote::quote;

use super::{expand, tokens};

const PIECES: [&str; 49] = [
    "bucket",
    "key",
    "feedback",
    "weight",
    "=",
    "==",
    ",",
    "|",
    "user",
    "\"kitsu\"",
    "5",
    "[a]",
    "{ x. }",
    "-",
    "::",
    "rate",
    "\"10/s\"",
    "burst",
    "async",
    "move",
    "crate",
    "#",
    "!",
    ";",
    "'a",
    "max_delay",
    "\"{user}\"",
    "if",
    "fn",
    "->",
    "&",
    "self",
    "Box::pin",
    ".boxed()",
    "const",
    "unsafe",
    "return",
    "match",
    "=>",
    "else",
    "let",
    "pub",
    "impl",
    "use",
    "'x'",
    "1.5",
    "async move { 1 }",
    "fn f()",
    "#![a]",
];

const ARGUMENTS: [&str; 10] = [
    "bucket = \"kitsu\"",
    "rate = \"10/s\", burst = 5, weight = 2",
    "bucket = if user.paid { PAID } else { FREE }, registry = match user { _ => self.limits }",
    "bucket = \"kitsu\", key = |user| user.name",
    "bucket = \"kitsu\", key = \"{user}\", max_delay = \"5s\"",
    "bucket = BUCKET, weight = user.weight(), crate = ::limits, permit = permit",
    "bucket = BUCKET, on_limited = |error| Err(error), max_delay = |user| user.patience",
    "bucket = \"kitsu\", feedback",
    "bucket = BUCKET, feedback = |answer| answer.read(), key = user",
    "bucket = BUCKET, key = { let name = user.name; name }",
];

const HEADS: [&str; 14] = [
    "fn f(user: User)",
    "pub fn f<'a, T: A>(&'a self, user: &'a T) -> Result<T, Error> where T: B",
    "#[a] /// b\n #[c = \"d\"] pub(crate) async fn f(self: Box<Self>, user: User,) -> Answer",
    "unsafe extern \"C\" fn f(mut user: u8) -> !",
    "fn f(&mut self, User { user, .. }: User) -> impl Future<Output = u8> + Send",
    "pub(in a::b) async unsafe fn r#fn((user, _): (u8, [u8; { 1 }]))",
    "fn f(&self, user: User) -> BoxFuture<'_, Result<(), Error>>",
    "fn f<const N: usize>(#[a] user: User, b: fn(u8) -> u8) -> Pin<Box<dyn Future<Output = u8> + 'static>>",
    "const fn f(user: User)",
    "extern fn f(user: impl Fn(u8) -> u8) -> [u8; 2]",
    "default fn f(user: User)",
    "struct User",
    "impl User",
    "pub mod user",
];

struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % 65_521).unwrap() % end
    }

    fn of<'a>(&mut self, texts: &[&'a str]) -> &'a str {
        texts[self.below(texts.len())]
    }

    /// Up to so many pieces, with groups of all four kinds among them.
    fn soup(&mut self, most: usize) -> TokenStream {
        let mut soup = TokenStream::new();
        for _ in 0..self.below(most + 1) {
            let delimiter = match self.below(24) {
                0 => Delimiter::Parenthesis,
                1 => Delimiter::Brace,
                2 => Delimiter::Bracket,
                3 | 4 => Delimiter::None,
                _ => {
                    soup.extend(tokens(self.of(&PIECES)));
                    continue;
                }
            };
            soup.extend([TokenTree::from(Group::new(delimiter, self.soup(most / 2)))]);
        }
        soup
    }
}

/// One after the other, without the invisible groups, which stand for nothing.
fn flat(tokens: TokenStream, list: &mut Vec<String>) {
    for tree in tokens {
        let TokenTree::Group(group) = tree else {
            list.push(tree.to_string());
            continue;
        };
        let (open, close) = match group.delimiter() {
            Delimiter::Parenthesis => (Some("("), Some(")")),
            Delimiter::Brace => (Some("{"), Some("}")),
            Delimiter::Bracket => (Some("["), Some("]")),
            Delimiter::None => (None, None),
        };
        list.extend(open.map(str::to_owned));
        flat(group.stream(), list);
        list.extend(close.map(str::to_owned));
    }
}

/// Whether the function has got a prologue; or else, it has got messages.
#[track_caller]
fn comes_back(args: TokenStream, item: &TokenStream) -> bool {
    let (mut before, mut after) = (Vec::new(), Vec::new());
    flat(item.clone(), &mut before);
    flat(expand(args, item), &mut after);
    if let Some(messages) = after.strip_prefix(before.as_slice())
        && messages.iter().any(|text| text == "compile_error")
    {
        return false;
    }
    if after.iter().any(|text| text == "__given") {
        // It stands on both sides of the body.
        let mut rest = after.iter();
        assert!(before.iter().all(|text| rest.any(|other| other == text)), "{item}\n{before:?}\n{after:?}");
        return true;
    }
    // The prologue is one piece, so what is not in front of it is behind it.
    let front = before.iter().zip(&after).take_while(|(before, after)| before == after).count();
    let back =
        before.iter().rev().zip(after.iter().rev()).take_while(|(before, after)| before == after).count();
    assert!(front + back >= before.len(), "{item}\n{before:?}\n{after:?}");
    assert!(after.iter().any(|text| text == "__rate_limited"), "{item}");
    true
}

#[test]
fn every_token_comes_back() {
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    let mut limited = 0;
    for round in 0..3_000 {
        let args = if round % 2 == 0 { tokens(random.of(&ARGUMENTS)) } else { random.soup(24) };
        let head = tokens(random.of(&HEADS));
        // What is lifted out of the body is not where it was.
        let start = if random.below(2) == 0 { quote!(1;) } else { quote!(async) };
        let body = random.soup(40);
        let body = TokenTree::from(Group::new(Delimiter::Brace, quote!(#start #body)));
        let body = if random.below(4) == 0 { Group::new(Delimiter::None, body.into()).into() } else { body };
        limited += usize::from(comes_back(args, &quote!(#head #body)));
    }
    assert!(limited > 300, "{limited}");
}

#[test]
fn an_item_of_nonsense_comes_back() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for round in 0..3_000 {
        let args = if round % 2 == 0 { tokens(random.of(&ARGUMENTS)) } else { random.soup(24) };
        let item = random.soup(60);
        let _limited = comes_back(args, &item);
    }
}

/// Attributes inside the body go in front of the function; all else stays.
#[test]
fn what_is_lifted_is_the_same() {
    for (item, lifted) in [
        ("fn f() { #![a] #![b(c)] 1 }", "#[a]#[b(c)]fnf(){"),
        ("#[d] async fn f() { #![a] }", "#[d]#[a]asyncfnf(){"),
    ] {
        let expanded = expand(tokens("bucket = \"kitsu\""), &tokens(item)).to_string().replace(' ', "");
        assert!(expanded.starts_with(lifted), "{expanded}");
    }
}
