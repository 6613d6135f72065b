//! A watched directory of policies, published as immutable snapshots.
//!
//! A file `NAME.wasm` is a policy. `NAME.toml` next to it holds its settings and limits.
//! `NAME.tests.toml` holds the logins that the policy is tested with before it serves. `NAME.cedar`
//! and `NAME.rego` hold policies in languages of their own. These files are one unit: if one of
//! them changes, the host loads all of them again.
//!
//! # Life of a reload
//!
//! - A trigger (inotify, poll or SIGHUP) starts a scan. The loader reads the whole directory and
//!   compares digests. Once changed files are quiet for `debounce`, it makes a job of each changed
//!   version and takes deleted policies out of service. SIGHUP does not wait for quiet files.
//! - Threads prove the versions without the loader's lock (`lanes.rs`), while policies serve. The
//!   version of a policy that is slow to prove delays no other policy.
//! - As soon as one version is proved, the loader publishes a new [`Snapshot`] that contains it,
//!   and writes the status. Logins in flight finish on the snapshot they hold.
//! - If a version is rejected, the last good version stays in service, and the log says so. The
//!   host repeats a proof without a verdict, such as one that took too long. It waits for 10 s,
//!   then for twice as long each time, up to 15 min.
//!
//! At the start nothing serves yet. [`Catalog::open`] waits for all proofs, restores the last
//! stored good version in place of a rejected one, and publishes once.
//!
//! # Layout
//!
//! - [`Catalog`]: the policies in service; an [`Authorizer`](portcullis_core::Authorizer).
//! - [`Watcher`]: reloads a catalog when its directory changes.
//! - [`Snapshot`]: one immutable set of policies: guards, chains for some logins, and the chain for
//!   the other logins. [`Snapshot::explain`] shows each step of one decision.
//! - [`DescribedLogin`], [`describe`]: logins as JSON, in the vocabulary of policy tests.
//! - [`DirectoryEvents`]: the source of events about the directory. The files are on a
//!   [`Disk`](portcullis_files::Disk).
//! - [`Report`]: what one pass over the directory did. [`Status`]: the state of every policy.
//! - [`Prover`]: where new versions are proved. [`prove_for_parent`]: the work of a child process
//!   that proves one version.
//! - [`sign`] and [`signer`]: signatures of modules.
//! - [`rollback`]: puts a stored version back. [`test_policies`], [`test_module`]: run policy
//!   tests without serving. [`measure_module`]: measures decisions on their logins. [`inspect`]:
//!   describes a policy, its limits and its problems. [`diff_versions`]: compares the access that
//!   two versions give.
//! - [`Assertions`]: what logins must and must not reach with all policies together.
//! - [`ChainOptions`]: the chains and rules that can be replaced while a catalog runs.
//! - [`settings_schema`], [`tests_schema`]: the JSON Schemas of the files next to a module.

#![cfg_attr(
    test,
    allow(
        clippy::disallowed_methods,
        reason = "a test waits in real time, or makes real files"
    )
)]

mod access;
mod assertions;
mod attempts;
mod catalog;
mod chain;
mod chain_options;
mod content;
mod diff;
mod directory;
mod dry_run;
mod events;
mod explain;
mod freshness;
mod inspect;
mod lanes;
mod languages;
mod lines;
mod link;
mod lint;
mod loader;
mod measure;
mod numbers;
mod options;
mod parallel;
mod paths;
mod policy_tests;
mod prover;
mod releases;
mod report;
mod rollback;
mod routes;
mod schema;
mod seen;
mod settings;
mod signature;
mod single;
mod slowness;
mod smoke;
mod snapshot;
mod status;
mod stop;
mod store;
mod tally;
mod terms;
mod test_run;
mod text;
mod unit;
mod unit_error;
#[cfg(test)]
mod vocabulary;
mod watch;

pub use access::InvalidAccess;
pub use assertions::{
    Assertions, AssertionsFile, AssertionsProblem, ClaimProblem, HeldPermit, assertions_schema,
};
pub use catalog::{Catalog, OpenError};
pub use chain::{Chain, Condition};
pub use chain_options::{ChainOptions, UnusableChains};
pub use diff::{
    AccessChanges, RecordError, RecordProblem, RecordedLogins, RecordedSecrets, VersionDiff,
    Versions, diff_versions,
};
pub use directory::DirectoryError;
pub use events::{DirectoryEvents, SystemEvents, Watching};
pub use explain::{Answer, Explained, Step};
pub use freshness::{Freshness, check_state_directory};
pub use inspect::{Inspection, inspect, module_schema};
pub use link::LoadedPolicy;
pub use lint::{Finding, Lint, Linted, lint_module, lint_settings};
pub use measure::{MeasuredDecision, MeasuredPolicy, measure_module};
pub use numbers::CatalogNumbers;
pub use options::CatalogOptions;
pub use policy_tests::problem::{KeyProblem, TestFileProblem, TestProblem};
pub use policy_tests::{
    CertificateProblem, ConnectionProblem, DescribedLogin, DescriptionProblem, Impossible,
    PermitCheck, PermittedLogin, PinError, PinnedTest, PresentedProblem, TestOutcome, TimeClaim,
    TokenProblem, UpdateError, UpdatedTests, describe, pin, tests_schema, unrecorded, update_tests,
};
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub use prover::fuzzing;
pub use prover::{ChildError, ChildFailure, ChildLimits, ChildProver, Prover, prove_for_parent};
pub use releases::{UnknownReleases, check_releases};
pub use report::{Change, Rejection, Report};
pub use rollback::{RollbackError, RolledBack, rollback};
pub use schema::settings_schema;
pub use settings::problem::SettingsFileProblem;
pub use signature::{
    InvalidPublisher, Publisher, SignError, Signature, SignatureError, SignedFiles, Statement,
    sign, sign_file, sign_stating, sign_version, signature, signer,
};
pub use snapshot::Snapshot;
pub use status::{Attempt, PolicyStatus, ServingStatus, Status};
pub use stop::Stop;
pub use terms::{MaxLimits, PolicyGrants};
pub use test_run::{TestedPolicy, test_module, test_policies};
pub use text::TextProblem;
pub use unit_error::{UnitError, UnitProblem};
pub use watch::{Trigger, WatchError, Watcher};
