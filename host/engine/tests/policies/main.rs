//! Policies in the engine: well-behaved and misbehaving guests.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test program: its helpers may fail as its tests may"
)]

mod abuse;
mod cache;
mod contract;
mod decisions;
mod identity;
mod inline_budget;
mod key_value;
mod loading;
mod many_users;
mod permits;
mod reuse;
mod secrets;
mod without_snapshot;
mod world;
