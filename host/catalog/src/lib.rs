//! A watched directory of policies, published as one immutable snapshot.
//!
//! A file `NAME.wasm` is a policy; `NAME.toml` beside it holds its settings, limits and grants. The two are one unit:
//! a change of either loads both anew.
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
//! - [`Snapshot`]: one immutable chain of policies.
//! - [`Report`]: what one pass over the directory did.

mod catalog;
mod directory;
mod loader;
mod snapshot;
mod unit;
mod watch;

pub use catalog::{Catalog, CatalogOptions, OpenError};
pub use directory::DirectoryError;
pub use loader::{Change, Rejection, Report};
pub use snapshot::{LoadedPolicy, Snapshot};
pub use unit::{UnitError, UnitProblem};
pub use watch::{Trigger, WatchError, Watcher};
