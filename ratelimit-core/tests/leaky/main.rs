//! The leaky bucket: what py-asyncutils really answered, replayed on its own methods, and the laws, as a policy.

#![expect(clippy::expect_used, reason = "a fixture that does not read ends the test")]
#![expect(clippy::float_arithmetic, reason = "the algorithm is defined in floats")]

mod policy;
mod replay;
#[expect(dead_code, reason = "why others are not compared is for those who read it")]
#[path = "../oracles/traces.rs"]
mod traces;
