//! Nothing but examples: see the example targets beside this file.
