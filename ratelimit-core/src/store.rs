//! Where states live: in the memory of this process.

mod memory;

pub(crate) use memory::Memory;
