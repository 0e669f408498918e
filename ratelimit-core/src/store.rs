//! Where states live: in the memory of this process.

mod keyed;
mod memory;
mod table;

pub(crate) use memory::Memory;
