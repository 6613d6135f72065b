//! Tests of logins that renew themselves, with a real nats-server in operator mode and an exchange
//! over HTTP. `cargo xtask test` provides the servers.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test program: its helpers may fail as its tests may, and read the real clock"
)]

mod logins;
#[expect(dead_code, reason = "the example's own `main` is not called")]
#[path = "../../examples/orders.rs"]
mod orders;
mod service;
