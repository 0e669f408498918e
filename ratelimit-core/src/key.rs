//! Who is counted together: a 128-bit keyed digest of the key's text, and a few bytes of it for errors.
//!
//! Keys are often chosen by strangers (a user name, a channel), so the digest is keyed per process: nobody outside can
//! make two keys meet. Two keys that meet by chance (1 in 2^128) share one state, which errs on the safe side.

use std::fmt::{self, Display, Write};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::LazyLock;

/// How much of a key's text an error may carry, in bytes.
const SHOWN: usize = 64;
/// How much of it is held without a heap allocation: a UUID has 36 bytes. More would make every future larger.
const INLINE: usize = 38;

/// The key of one request.
#[derive(Clone)]
pub struct Key {
    digest: Digest,
    text: Text,
}

/// What tells keys apart; `None` in an [`Option<Digest>`] is the call without a key, an entry of its own.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct Digest(u64, u64);

#[derive(Clone)]
enum Text {
    Inline([u8; INLINE], u8),
    Heap(Box<str>),
}

impl Key {
    /// Renders `key` once, without a lock held: its `Display` is foreign code.
    pub(crate) fn new(key: &(impl Display + ?Sized)) -> Self {
        static SECRETS: LazyLock<(RandomState, RandomState)> = LazyLock::new(Default::default);
        let mut writer = KeyWriter {
            hashers: (SECRETS.0.build_hasher(), SECRETS.1.build_hasher()),
            text: Text::Inline([0; INLINE], 0),
            full: false,
        };
        // A `Display` that gives up half way names fewer keys than it could: those are counted together.
        let _ = write!(writer, "{key}");
        Key { digest: Digest(writer.hashers.0.finish(), writer.hashers.1.finish()), text: writer.text }
    }

    pub(crate) fn digest(&self) -> Digest {
        self.digest
    }

    /// The text, cut at 64 bytes.
    pub(crate) fn text(&self) -> &str {
        self.text.as_str()
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.text(), f)
    }
}

/// Hashes all that is written and keeps the first bytes, whatever the pieces in which it comes.
struct KeyWriter<H> {
    hashers: (H, H),
    text: Text,
    full: bool,
}

impl<H: Hasher> Write for KeyWriter<H> {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        self.hashers.0.write(piece.as_bytes());
        self.hashers.1.write(piece.as_bytes());
        if !self.full {
            let shown = cut(piece, SHOWN - self.text.as_str().len());
            self.full = shown.len() < piece.len();
            self.text.push(shown);
        }
        Ok(())
    }
}

/// The first `limit` bytes of `text`, less if a character would be cut.
fn cut(text: &str, limit: usize) -> &str {
    let mut end = limit.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

impl Text {
    fn as_str(&self) -> &str {
        match self {
            Text::Inline(bytes, len) => {
                let bytes = bytes.get(..usize::from(*len)).unwrap_or_default();
                std::str::from_utf8(bytes).unwrap_or_default()
            }
            Text::Heap(text) => text,
        }
    }

    fn push(&mut self, piece: &str) {
        if let Text::Inline(bytes, len) = self {
            let start = usize::from(*len);
            let end = start + piece.len();
            if let (Some(room), Ok(end)) = (bytes.get_mut(start..end), u8::try_from(end)) {
                room.copy_from_slice(piece.as_bytes());
                *len = end;
                return;
            }
        }
        *self = Text::Heap([self.as_str(), piece].concat().into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_its_text_in_whatever_pieces_it_comes() {
        let (user, page) = ("ada", 7);
        let pieces = Key::new(&format_args!("{user}/{page}"));
        let whole = Key::new("ada/7");
        assert_eq!(pieces.digest(), whole.digest());
        assert_eq!(pieces.text(), "ada/7");
        assert_ne!(whole.digest(), Key::new("ada/8").digest());
        assert_ne!(whole.digest(), Key::new("ada/").digest());
    }

    #[test]
    fn shows_at_most_64_bytes_and_hashes_all() {
        let long = "é".repeat(40);
        let key = Key::new(&long);
        assert_eq!(key.text(), "é".repeat(32));
        assert_ne!(key.digest(), Key::new(&format!("{long}x")).digest());
        let odd = Key::new(&format_args!("x{long}{}", "tail"));
        assert_eq!(odd.text(), format!("x{}", "é".repeat(31)));
    }
}
