//! Runs policies compiled to WebAssembly: load, limits, deadline, one decision.
//!
//! Of the host's crates, only this one names wasmtime, and it narrows wasmtime to what a policy
//! needs. A policy has no WASI, threads, async, garbage collection or state shared between
//! decisions. It may import only `portcullis:policy`. It has no clock, no randomness and no
//! network, so a recorded request replays to the same verdict on any machine.
//!
//! # Layout
//!
//! - [`Engine`]: compiles and links; owns the epoch ticker. [`CodeCacheOptions`]: the cache of
//!   compiled code.
//! - [`Policy`]: one loaded module, configured once, with a snapshot of its memory where possible.
//!   [`Policy::evaluate`] prepares an [`Evaluation`] of one request in an instance of its own.
//!   [`Evaluation::run_inline`] stops after a given time, for threads that must not block.
//!   [`Policy::hand_over`] and [`Policy::take_over`] transfer a policy from the process that loaded
//!   it to the one that serves.
//! - [`Limits`] and [`Grants`]: the resources and interfaces of a policy. [`Limit`] and [`Amount`]:
//!   one limit, for display. [`AmountMut`]: one limit, for changes.
//! - [`describe`]: facts about a module, without running it.
//! - [`LoadError`]: a reason why a module is not put in service. [`EvaluationError`]: a reason why
//!   a decision failed, with the party at fault.
//!
//! # Why a store per decision
//!
//! Every decision runs in a fresh instance that starts from the memory after `configure` and is
//! then dropped. Nothing that one client sends can affect the decision about another: not through
//! memory, not through a leak, not through a corrupted heap. A policy can opt out
//! ([`Policy::reusing`]). See `docs/design/why-an-instance-per-decision.md`.

mod background;
mod borrowed;
mod cache;
mod code;
mod comparisons;
mod contract;
mod engine;
mod evaluation;
mod function_cache;
mod host;
mod instance_pool;
mod limiter;
mod limits;
mod load;
mod look_up;
#[cfg(feature = "measure")]
pub mod measure;
mod module;
mod overrun;
mod policy;
mod pool_budget;
mod probe;
mod snapshot;
mod source;
mod state;
mod text;
mod ticker;
mod transfer_key;

pub use borrowed::CodeStore;
pub use cache::{CodeCacheCounts, CodeCacheOptions};
pub use code::CodeName;
pub use comparisons::{Comparisons, ComparisonsExceeded};
pub use engine::{Engine, EngineError, EngineOptions};
pub use evaluation::{
    EvaluationError, Frames, HandleProblem, LateCause, OutputProblem, PermitFault, RuntimeMessage,
    TrapCause, TrapCode,
};
pub use host::{NoRequest, NoTime};
pub use limiter::{LimitExceeded, OutputExceeded};
pub use limits::{Amount, AmountMut, Grants, Limit, Limits};
pub use load::LoadError;
pub use module::{Description, check_shape, describe, require_wasm};
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub use policy::fuzzing;
pub use policy::{Attempt, BudgetExceeded, Evaluation, Metered, Policy, Recorded};
pub use probe::Unfit;
pub use source::Source;
pub use transfer_key::TransferKey;
