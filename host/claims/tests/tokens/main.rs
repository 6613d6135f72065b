//! Tokens of every kind, compared with other implementations: those that the Go library made, and
//! those that `nats-token` and `nats-jwt` make and read.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test program: its helpers may fail as its tests may"
)]

mod golden;
mod oracles;
mod properties;
mod samples;
mod support;
