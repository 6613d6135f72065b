//! Runs policies compiled to WebAssembly: load, limits, deadline, one decision.
//!
//! This is the only crate that names wasmtime, and it narrows wasmtime to what a policy needs. Taken away:
//! WASI, threads, async, garbage collection, shared state between decisions, and every import but those of
//! `portcullis:policy`. A policy has no clock, no randomness and no network, so a recorded request replays to
//! the same verdict on any machine.
//!
//! # Layout
//!
//! - [`Engine`]: compiles and links; owns the epoch ticker. [`CodeCacheOptions`]: where it keeps compiled code.
//! - [`Policy`]: one loaded module, configured once, its memory snapshotted where it can be; [`Policy::decide`] answers
//!   one request in an instance of its own, [`Policy::begin`] on a thread that should not be kept.
//!   [`Policy::hand_over`] and [`Policy::take_over`] move it from the process that loaded it to the one that serves.
//! - [`Limits`] and [`Grants`]: what a policy may use. [`Limit`] and [`Amount`]: one of them, for people.
//! - [`describe`]: what a module is, without running it.
//! - [`LoadError`]: why a module is not put in service. [`EvaluationError`]: why a decision failed, and
//!   whose fault it was.
//!
//! # Why a store per decision
//!
//! Every decision runs in a fresh instance that starts from the memory `configure` left behind, and is
//! thrown away afterwards. Nothing one client sends can reach the decision about another: not through memory, not through
//! a leak, not through a corrupted heap. A policy can opt out of that ([`Policy::reusing`]). See `docs/design/why-an-instance-per-decision.md`.

mod background;
mod borrowed;
mod cache;
mod code;
mod contract;
mod engine;
mod evaluation;
mod functions;
mod host;
mod limiter;
mod limits;
mod load;
mod look_up;
#[cfg(feature = "measure")]
pub mod measure;
mod module;
mod overrun;
mod policy;
mod probe;
mod reuse;
mod snapshot;
mod state;
mod ticker;

pub use borrowed::CodeStore;
pub use cache::{CodeCacheCounts, CodeCacheOptions};
pub use code::CodeName;
pub use engine::{Engine, EngineError, EngineOptions};
pub use evaluation::EvaluationError;
pub use limits::{Amount, Grants, Limit, Limits};
pub use load::LoadError;
pub use module::{Description, check_shape, describe};
pub use policy::{GaveUp, Metered, Policy, Source, Substituted, TransferKey};
pub use probe::Unfit;
