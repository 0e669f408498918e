//! Nothing but tests: see the test targets beside this file.
