//! Directories of policies in the catalog: scans, versions, tests, proofs and chains.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a test program: its helpers may fail as its tests may, and wait by the real clock"
)]

mod assertions;
mod blocking_pool;
mod catalog;
mod chains;
mod described_settings;
mod disk;
mod example;
mod kept;
mod key_value;
mod links;
mod model;
mod planted;
mod policy_tests;
mod prover;
mod proving;
mod reuse;
mod rollback;
mod secrets;
mod settings_files;
mod signatures;
mod site;
mod smoke;
mod status;
mod texts;
mod versions;
mod watching;
