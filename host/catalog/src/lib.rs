//! A watched directory of policies, published as one immutable snapshot.
//!
//! A file `NAME.wasm` is a policy; `NAME.toml` beside it holds its settings and limits, `NAME.tests.toml` the logins it is
//! tested with before it serves. The three are one unit: a change of any loads all anew.
//!
//! # Life of a reload
//!
//! trigger (inotify, poll, SIGHUP) → read the whole directory → compare digests → load what changed aside →
//! publish one new [`Snapshot`]. Logins in flight finish on the snapshot they hold. What cannot be loaded leaves the last good
//! version in service, and the log says so.
//!
//! # Layout
//!
//! - [`Catalog`]: the policies in service; an [`Authorizer`](portcullis_core::Authorizer).
//! - [`Watcher`]: keeps a catalog true to its directory.
//! - [`Snapshot`]: one immutable set of policies: guards, chains for some logins, the chain for the others.
//! - [`Report`]: what one pass over the directory did. [`Status`]: how every policy is doing.
//! - [`Prover`]: where new versions are proved; [`prove_for_parent`]: what a child does that proves one.
//! - [`sign`] and [`signer`]: who vouches for a module.
//! - [`rollback`]: goes back to a version that was kept. [`test_policies`]: runs test vectors without serving. [`inspect`]:
//!   what a policy is, may do and lacks.

mod catalog;
mod chain;
mod content;
mod directory;
mod inspect;
mod lanes;
mod loader;
mod numbers;
mod pace;
mod prover;
mod releases;
mod report;
mod rollback;
mod routes;
mod settings;
mod signature;
mod smoke;
mod snapshot;
mod status;
mod store;
mod terms;
mod unit;
mod vectors;
mod watch;

pub use catalog::{Catalog, CatalogOptions, OpenError};
pub use chain::{Chain, Condition};
pub use directory::DirectoryError;
pub use inspect::{Inspection, inspect};
pub use numbers::CatalogNumbers;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub use prover::fuzzing;
pub use prover::{
    ChildError, ChildFailure, ChildLimits, ChildProver, Prover, Stop, prove_for_parent,
};
pub use releases::{UnknownReleases, check_releases};
pub use report::{Change, Rejection, Report};
pub use rollback::{RollbackError, RolledBack, rollback};
pub use signature::{
    InvalidPublisher, Publisher, SignError, Signature, SignatureError, SignedFiles, Statement,
    sign, sign_file, sign_stating, sign_version, signature, signer,
};
pub use snapshot::{LoadedPolicy, Snapshot};
pub use status::{Attempt, Freshness, PolicyStatus, ServingStatus, Status, check_state_directory};
pub use terms::{MaxLimits, PolicyGrants};
pub use unit::{UnitError, UnitProblem};
pub use vectors::{PermitCheck, PermittedLogin, TestOutcome, TestedPolicy, test_policies};
pub use watch::{Trigger, WatchError, Watcher};
