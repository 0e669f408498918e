//! What judging comes to, on records as bytes, under a time that the tests set: against the policies themselves, and
//! against a model that does nothing but scan the starts that were granted.

mod damaged;
mod golden;
mod kept;
mod lost;
mod model;
mod names;
mod own;
mod schedules;
mod slack;
mod versions;
mod windows;
mod world;
