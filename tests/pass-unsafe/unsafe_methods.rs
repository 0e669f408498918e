//! Unsafe methods, of a type and of an unsafe trait, with a default body and without.

use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.unsafe_methods", Rate::per_second(1_000));

/// Gives elements without looking.
///
/// # Safety
///
/// The length must be right.
pub unsafe trait Elements {
    /// How many.
    fn length(&self) -> usize;

    /// One of them.
    ///
    /// # Safety
    ///
    /// It must be there.
    unsafe fn get(&self, index: usize) -> Result<u32, Error>;

    /// The first of them.
    ///
    /// # Safety
    ///
    /// It must be there.
    #[rate_limited(bucket = BUCKET, key = self.length())]
    unsafe fn first(&self) -> Result<u32, Error> {
        // SAFETY: the caller says so.
        unsafe { self.get(0) }
    }
}

// SAFETY: a slice knows its length.
unsafe impl Elements for [u32] {
    fn length(&self) -> usize {
        self.len()
    }

    #[rate_limited(bucket = BUCKET, key = "{index}")]
    unsafe fn get(&self, index: usize) -> Result<u32, Error> {
        // SAFETY: the caller says so.
        Ok(*unsafe { self.get_unchecked(index) })
    }
}

/// Points somewhere.
#[derive(Clone, Copy, Debug)]
pub struct Pointer(*const u32);

impl Pointer {
    /// Reads.
    ///
    /// # Safety
    ///
    /// It must point to a number.
    #[rate_limited(bucket = BUCKET)]
    pub unsafe fn read(self) -> Result<u32, Error> {
        // SAFETY: the caller says so.
        Ok(unsafe { *self.0 })
    }

    /// Reads, later.
    ///
    /// # Safety
    ///
    /// It must point to a number as long as the future is there.
    #[rate_limited(bucket = BUCKET)]
    #[allow(clippy::future_not_send, reason = "a pointer is not `Send`")]
    pub async unsafe fn read_later(&self) -> Result<u32, Error> {
        std::future::ready(()).await;
        // SAFETY: the caller says so.
        Ok(unsafe { *self.0 })
    }
}

#[test]
fn is_called() {
    let numbers: &[u32] = &[7, 8];
    let pointer = Pointer(numbers.as_ptr());
    // SAFETY: there are two numbers.
    let read = unsafe { (Elements::get(numbers, 1).ok(), Elements::first(numbers).ok()) };
    assert_eq!(read, (Some(8), Some(7)));
    // SAFETY: it points to the first of them.
    let read = unsafe { (pointer.read().ok(), futures::executor::block_on(pointer.read_later()).ok()) };
    assert_eq!(read, (Some(7), Some(7)));
    assert_eq!(crate::used(&BUCKET), 2);
}
