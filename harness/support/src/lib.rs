//! Code that every test may use, without a server and without an engine.
//!
//! # Layout
//!
//! - [`policy`], [`guest`], [`benchmark_guest`]: WebAssembly modules of this repository, which
//!   cargo builds on first use.
//! - [`wasm_with_note`], [`wasm_with_new_code`]: changed modules.
//! - [`nested_component`], [`nested_world`], [`with_loops`]: modules that attack their reader.
//! - [`alice`], [`permitted`]: a login and its decision.
//! - [`SelfSigned`]: a certificate of a TLS server.
//! - [`Gauge`], [`processor_time`]: the resources of a process.

mod changed;
mod gauge;
mod hostile;
mod login;
mod modules;
mod processor;
mod self_signed;

pub use changed::{unsigned_leb128, wasm_with_new_code, wasm_with_note};
pub use gauge::Gauge;
pub use hostile::{nested_component, nested_world, with_loops};
pub use login::{NOW, alice, permitted};
pub use modules::{benchmark_guest, guest, policy, policy_file};
pub use processor::processor_time;
pub use self_signed::SelfSigned;
