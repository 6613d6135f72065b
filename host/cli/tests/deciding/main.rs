//! `portcullis decide` and `portcullis access preview`, with real policies.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod access;
mod checking;
mod identities;
mod inputs;
mod outcomes;
mod recorded;
mod site;
