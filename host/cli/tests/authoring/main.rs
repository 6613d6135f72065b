//! A policy author's day: the program and cargo, on crates outside the repository.

#![expect(clippy::unwrap_used, clippy::string_slice, reason = "tests")]

mod linting;
mod measuring;
mod mistakes;
mod schemas;
mod support;
mod templates;
mod traps;
mod watching;
