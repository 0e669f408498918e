//! Who is counted together: a 128-bit keyed digest of the key's text, and the text, for errors and stores.
//!
//! Keys are often chosen by strangers (a user name, a channel), so the digest is keyed per process: nobody outside can
//! make two keys meet. Two keys that meet by chance (1 in 2^128) share one state, which errs on the safe side.

use std::fmt::{self, Display, Write};
use std::hash::{BuildHasher, RandomState};
use std::num::NonZeroU64;
use std::sync::LazyLock;

use siphasher::sip128::SipHasher13;

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
pub(crate) struct Digest(NonZeroU64, u64);

impl Digest {
    /// One in 2^64 keys shares a digest with another here, which leaves room for "no key" at no cost.
    pub(crate) fn of_text(text: &[u8]) -> Self {
        let hash = keyed().hash(text);
        Digest(NonZeroU64::new(hash.h1).unwrap_or(NonZeroU64::MAX), hash.h2)
    }

    /// Of an annotated function, told by where its name stands: two may have the same name. No text begins like this.
    pub(crate) fn of_site(site: &'static &'static str) -> Self {
        let mut bytes = [u8::MAX; 1 + size_of::<usize>()];
        if let Some(address) = bytes.get_mut(1..) {
            address.copy_from_slice(&std::ptr::from_ref(site).addr().to_ne_bytes());
        }
        Digest::of_text(&bytes)
    }

    /// One that is chosen, to see what a table makes of it.
    #[cfg(test)]
    pub(crate) fn of(high: u64, low: u64) -> Self {
        Digest(NonZeroU64::new(high).unwrap_or(NonZeroU64::MAX), low)
    }

    pub(crate) fn high(self) -> u64 {
        self.0.get()
    }

    pub(crate) fn low(self) -> u64 {
        self.1
    }
}

#[derive(Clone)]
enum Text {
    Inline([u8; INLINE], u8),
    Heap(Box<str>),
}

impl Key {
    /// Renders `key` once, without a lock held: its `Display` is foreign code.
    #[inline]
    pub(crate) fn new(key: &(impl Display + ?Sized)) -> Self {
        let mut writer = KeyWriter { text: Text::Inline([0; INLINE], 0), whole: String::new() };
        // A `Display` that gives up half way names fewer keys than it could: those are counted together.
        let _ = write!(writer, "{key}");
        // The text is moved behind the digest: whoever moves what was just written waits until it is written out.
        let digest = writer.finish();
        Key { digest, text: writer.text }
    }

    pub(crate) fn digest(&self) -> Digest {
        self.digest
    }

    /// The text, cut at 64 bytes.
    pub(crate) fn text(&self) -> &str {
        cut(self.text.as_str(), SHOWN)
    }

    /// All of the text: what tells keys apart in all processes alike.
    pub(crate) fn whole(&self) -> &str {
        self.text.as_str()
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.text(), f)
    }
}

/// The hash of nothing yet, under a secret of this process.
fn keyed() -> &'static SipHasher13 {
    static KEYED: LazyLock<SipHasher13> = LazyLock::new(|| {
        SipHasher13::new_with_keys(RandomState::new().hash_one(0), RandomState::new().hash_one(1))
    });
    &KEYED
}

/// Puts together what is written, in whatever pieces it comes.
struct KeyWriter {
    text: Text,
    /// A text that does not lie in line; empty for one that does.
    whole: String,
}

impl KeyWriter {
    /// Digests all of the text.
    fn finish(&mut self) -> Digest {
        if self.whole.is_empty() {
            return Digest::of_text(self.text.as_bytes());
        }
        self.text = Text::Heap(self.whole.as_str().into());
        Digest::of_text(self.whole.as_bytes())
    }
}

impl Write for KeyWriter {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        if self.whole.is_empty() {
            if self.text.push_in_line(piece) {
                return Ok(());
            }
            self.whole.push_str(self.text.as_str());
        }
        self.whole.push_str(piece);
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
    fn as_bytes(&self) -> &[u8] {
        match self {
            Text::Inline(bytes, len) => bytes.get(..usize::from(*len)).unwrap_or_default(),
            Text::Heap(text) => text.as_bytes(),
        }
    }

    fn as_str(&self) -> &str {
        // Only whole pieces of text were put in.
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    /// Adds `piece` if there is room for all of it without an allocation.
    fn push_in_line(&mut self, piece: &str) -> bool {
        let Text::Inline(bytes, len) = self else { return false };
        let start = usize::from(*len);
        let end = start + piece.len();
        let (Some(room), Ok(end)) = (bytes.get_mut(start..end), u8::try_from(end)) else { return false };
        room.copy_from_slice(piece.as_bytes());
        *len = end;
        true
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
    fn a_long_key_is_its_text_in_whatever_pieces_it_comes() {
        let long = "0123456789".repeat(30);
        let whole = Key::new(&long);
        for at in [0, 1, INLINE - 1, INLINE, INLINE + 1, SHOWN, 200] {
            let (head, tail) = long.split_at(at);
            let pieces = Key::new(&format_args!("{head}{tail}"));
            assert_eq!((pieces.digest(), pieces.text()), (whole.digest(), whole.text()), "cut at {at}");
        }
    }

    #[test]
    fn shows_at_most_64_bytes_and_hashes_all() {
        let long = "é".repeat(40);
        let key = Key::new(&long);
        assert_eq!((key.text(), key.whole()), (&*"é".repeat(32), &*long));
        assert_ne!(key.digest(), Key::new(&format!("{long}x")).digest());
        let odd = Key::new(&format_args!("x{long}{}", "tail"));
        assert_eq!(odd.text(), format!("x{}", "é".repeat(31)));
    }
}
