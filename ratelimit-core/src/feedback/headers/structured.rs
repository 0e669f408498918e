//! Structured fields (RFC 9651): lists and dictionaries of items with parameters, strictly. Lists within lists are left
//! out: no field that is read here has any.

/// A server that lists more is of no help, and what it lists is gone through more than once.
const MOST: usize = 256;

/// A value, of which strings and integers are of interest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value<'a> {
    Text(String),
    /// A bare word.
    Word(&'a str),
    /// Digits, with or without a sign, as they were sent.
    Integer(&'a str),
    Other,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Item<'a> {
    pub(super) value: Value<'a>,
    parameters: Vec<(&'a str, Value<'a>)>,
}

impl Item<'_> {
    pub(super) fn parameter(&self, name: &str) -> Option<&Value<'_>> {
        last(&self.parameters, name)
    }
}

/// Of several under one name the last counts.
pub(super) fn last<'a, T>(named: &'a [(&str, T)], name: &str) -> Option<&'a T> {
    named.iter().rev().find(|(n, _)| *n == name).map(|(_, value)| value)
}

/// `"a";r=1, "b";r=2`.
pub(super) fn list(text: &str) -> Option<Vec<Item<'_>>> {
    Scanner(text).members(Scanner::item)
}

/// `a=1, b=2;x, c`.
pub(super) fn dictionary(text: &str) -> Option<Vec<(&str, Item<'_>)>> {
    Scanner(text).members(|scanner| {
        let key = scanner.key()?;
        let value = if scanner.eats('=') { scanner.value()? } else { Value::Other };
        Some((key, Item { value, parameters: scanner.parameters()? }))
    })
}

/// What is still to be read.
struct Scanner<'a>(&'a str);

impl<'a> Scanner<'a> {
    fn members<T>(&mut self, member: impl Fn(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        self.0 = self.0.trim_matches(' ');
        let mut members = vec![member(self)?];
        loop {
            self.0 = self.0.trim_start_matches([' ', '\t']);
            if self.0.is_empty() {
                return Some(members);
            }
            if !self.eats(',') || members.len() == MOST {
                return None;
            }
            self.0 = self.0.trim_start_matches([' ', '\t']);
            members.push(member(self)?);
        }
    }

    fn item(&mut self) -> Option<Item<'a>> {
        Some(Item { value: self.value()?, parameters: self.parameters()? })
    }

    fn parameters(&mut self) -> Option<Vec<(&'a str, Value<'a>)>> {
        let mut parameters = Vec::new();
        while self.eats(';') {
            self.0 = self.0.trim_start_matches(' ');
            let key = self.key()?;
            // Without a value it is a true boolean.
            parameters.push((key, if self.eats('=') { self.value()? } else { Value::Other }));
        }
        Some(parameters)
    }

    fn key(&mut self) -> Option<&'a str> {
        self.0.starts_with(|c: char| c.is_ascii_lowercase() || c == '*').then(|| {
            self.run(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-' | '.' | '*'))
        })
    }

    fn value(&mut self) -> Option<Value<'a>> {
        match self.0.chars().next()? {
            '-' | '0'..='9' => self.number(),
            '"' => self.string(),
            'a'..='z' | 'A'..='Z' | '*' => Some(Value::Word(self.run(is_of_words))),
            ':' => self.enclosed(":", ":", |c| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=')),
            '%' => self.enclosed("%\"", "\"", |c| matches!(c, ' '..='~') && c != '"'),
            '?' => (self.eats('?') && (self.eats('0') || self.eats('1'))).then_some(Value::Other),
            '@' => {
                self.eats('@');
                self.number().filter(|date| *date != Value::Other).map(|_| Value::Other)
            }
            _ => None,
        }
    }

    /// An integer, or a decimal of up to three places.
    fn number(&mut self) -> Option<Value<'a>> {
        let text = self.0;
        let digits = text.strip_prefix('-').unwrap_or(text);
        self.0 = digits;
        let whole = self.run(|c| c.is_ascii_digit()).len();
        let sent = text.get(..text.len() - self.0.len())?;
        if self.eats('.') {
            let places = self.run(|c| c.is_ascii_digit()).len();
            return (matches!(whole, 1..=12) && matches!(places, 1..=3)).then_some(Value::Other);
        }
        matches!(whole, 1..=15).then_some(Value::Integer(sent))
    }

    fn string(&mut self) -> Option<Value<'a>> {
        let mut chars = self.0.chars();
        chars.next();
        let mut text = String::new();
        loop {
            match chars.next()? {
                '"' => break,
                '\\' => text.push(chars.next().filter(|c| matches!(c, '"' | '\\'))?),
                c @ ' '..='~' => text.push(c),
                _ => return None,
            }
        }
        self.0 = chars.as_str();
        Some(Value::Text(text))
    }

    fn enclosed(&mut self, open: &str, close: &str, is_within: fn(char) -> bool) -> Option<Value<'a>> {
        self.0 = self.0.strip_prefix(open)?;
        self.run(is_within);
        self.0 = self.0.strip_prefix(close)?;
        Some(Value::Other)
    }

    /// Takes what is ahead as long as it is such.
    fn run(&mut self, is_such: fn(char) -> bool) -> &'a str {
        let (run, rest) = self.0.split_at(self.0.find(|c| !is_such(c)).unwrap_or(self.0.len()));
        self.0 = rest;
        run
    }

    fn eats(&mut self, expected: char) -> bool {
        let rest = self.0.strip_prefix(expected);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }
}

fn is_of_words(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~:/".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_have_items_with_parameters() {
        let items = list(
            r#"  "a \"b\\";r=1;t=-2 ,	word/x:y; k , 1.5;b=:aGk=:;c=?0;d=@-5;e=%"f%c3%bc";*f_1-.=**, 7  "#,
        )
        .unwrap();
        assert_eq!(items[0].value, Value::Text("a \"b\\".to_owned()));
        assert_eq!(items[0].parameter("r"), Some(&Value::Integer("1")));
        assert_eq!(items[0].parameter("t"), Some(&Value::Integer("-2")));
        assert_eq!(items[0].parameter("k"), None);
        assert_eq!(
            (&items[1].value, items[1].parameter("k")),
            (&Value::Word("word/x:y"), Some(&Value::Other))
        );
        assert_eq!(items[2].value, Value::Other);
        let keys: Vec<_> = items[2].parameters.iter().map(|(key, _)| *key).collect();
        assert_eq!(keys, ["b", "c", "d", "e", "*f_1-."]);
        assert_eq!(items[2].parameter("*f_1-."), Some(&Value::Word("**")));
        assert_eq!((&items[3].value, items.len()), (&Value::Integer("7"), 4));
    }

    #[test]
    fn of_one_name_the_last_counts() {
        assert_eq!(list("a;r=1;r=2").unwrap()[0].parameter("r"), Some(&Value::Integer("2")));
        let members = dictionary("a=1, b;x=1, a=3").unwrap();
        assert_eq!(last(&members, "a").unwrap().value, Value::Integer("3"));
        assert_eq!(last(&members, "b").unwrap().parameter("x"), Some(&Value::Integer("1")));
        assert_eq!(last(&members, "c"), None);
    }

    #[test]
    fn there_is_an_end_to_how_many() {
        let many = |count| vec!["1"; count].join(",");
        assert_eq!(list(&many(MOST)).map(|items| items.len()), Some(MOST));
        assert_eq!(list(&many(MOST + 1)), None);
    }

    #[test]
    fn what_is_malformed_is_nothing() {
        for text in [
            "",
            " ",
            ",",
            "a,",
            "a,,b",
            ",a",
            "a b",
            "a;",
            "a;;b",
            "a;=1",
            "a;K=1",
            "a;1",
            "a;k=",
            "a; k=1 2",
            "a;\tk",
            "(1 2)",
            "\"a",
            "\"a\\",
            "\"a\\n\"",
            "\"a\tb\"",
            "\"a\"b",
            "1.",
            "1.2345",
            "1234567890123.5",
            "1234567890123456",
            "-",
            "--1",
            "+1",
            ".5",
            "?2",
            "?",
            ":a",
            ":a b:",
            "@",
            "@1.5",
            "%a",
            "%\"a",
            "\t1",
            "{",
            "a=1",
        ] {
            assert_eq!(list(text), None, "{text}");
        }
        for text in ["", "a=", "A=1", "1=1", "a=1 b=2", "a==1", "a=(1)", "a=1,", "\"a\"=1", "a =1"] {
            assert_eq!(dictionary(text), None, "{text}");
        }
    }
}
