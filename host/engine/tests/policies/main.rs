//! Policies in the engine and in the catalog, without NATS: well-behaved and misbehaving guests.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test program: its helpers may fail as its tests may"
)]

mod abuse;
mod cache;
mod catalog;
mod chains;
mod contract;
mod crowds;
mod decisions;
mod guests;
mod key_value;
mod languages;
mod loading;
mod model;
mod pace;
mod planted;
mod proving;
mod reuse;
mod secrets;
mod settings;
mod site;
mod support;
mod vectors;
mod versions;
