//! What a store keeps apart, and its name.

use std::fmt;
use std::sync::Arc;

/// The state of one key of a bucket, or that of all its keys together, as a store knows it.
///
/// Its `Display` is a name that no other entry has: of bucket `api` the calls without a key are `api`, those of key `ann`
/// are `api:ann`, and all together are `api/total`. In a bucket's name `%`, `:`, `/`, `{` and `}` stand as `%25`, `%3A`,
/// `%2F`, `%7B` and `%7D`; a key is as it was rendered, however long.
///
/// # Examples
///
/// A name in a cluster that keeps together what stands in braces: all entries of a bucket are on one machine.
///
/// ```
/// use rate_limited::store::Entry;
///
/// fn name(entry: &Entry) -> String {
///     let rest = entry.to_string().split_off(entry.bucket().len());
///     format!("{{{}}}{rest}", entry.bucket())
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Entry {
    /// Escaped.
    bucket: Arc<str>,
    of: Of,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Of {
    Unkeyed,
    Key(Box<str>),
    Total,
    /// One of the server's windows, and whose it is.
    Window(Box<str>, Option<Box<str>>),
}

impl Entry {
    pub(crate) fn of_key(bucket: &Arc<str>, key: Option<&str>) -> Self {
        let of = key.map_or(Of::Unkeyed, |key| Of::Key(key.into()));
        Entry { bucket: Arc::clone(bucket), of }
    }

    pub(crate) fn total(bucket: &Arc<str>) -> Self {
        Entry { bucket: Arc::clone(bucket), of: Of::Total }
    }

    pub(crate) fn window(bucket: &Arc<str>, key: Option<&str>, window: &str) -> Self {
        let window = escaped(window);
        let text = key.map_or_else(|| window.to_string(), |key| format!("{window}:{key}"));
        let of = Of::Window(text.into(), key.map(Into::into));
        Entry { bucket: Arc::clone(bucket), of }
    }

    /// The bucket's name as it stands in the entry's: all entries of one bucket begin with it.
    #[must_use]
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// The key as it was rendered; `None` for the calls without one, and for all together.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        match &self.of {
            Of::Key(key) => Some(key),
            Of::Window(_, key) => key.as_deref(),
            Of::Unkeyed | Of::Total => None,
        }
    }

    /// What its `Display` writes.
    #[cfg(feature = "sqlite")]
    pub(crate) fn name(&self) -> String {
        let (mark, key) = self.suffix();
        [&self.bucket, mark, key].concat()
    }

    /// What stands behind the bucket's name.
    pub(crate) fn suffix(&self) -> (&'static str, &str) {
        match &self.of {
            Of::Unkeyed => ("", ""),
            Of::Key(key) => (":", key),
            Of::Total => ("/total", ""),
            Of::Window(text, _) => ("/window:", text),
        }
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mark, key) = self.suffix();
        [&*self.bucket, mark, key].into_iter().try_for_each(|part| f.write_str(part))
    }
}

/// A bucket's name as it stands in its entries' names.
pub(crate) fn escaped(name: &str) -> Arc<str> {
    let mut text = String::with_capacity(name.len());
    for letter in name.chars() {
        match letter {
            '%' => text.push_str("%25"),
            ':' => text.push_str("%3A"),
            '/' => text.push_str("%2F"),
            '{' => text.push_str("%7B"),
            '}' => text.push_str("%7D"),
            letter => text.push(letter),
        }
    }
    text.into()
}
