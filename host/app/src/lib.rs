//! Portcullis as a library: a NATS auth callout host whose decisions come from WebAssembly
//! policies.
//!
//! [`Host`] does what the program `portcullis serve` does, in a process of another service. It
//! installs no signal handlers, no allocator and no receiver of log events: those belong to the
//! embedding program.
//!
//! ```no_run
//! # async fn embed() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
//! use std::path::Path;
//!
//! use portcullis::{Config, Host};
//!
//! let config = Config::load(Path::new("portcullis.toml"))?.value;
//! let host = Host::builder(config)
//!     .on_ready(|handle| println!("ready: {}", handle.status().is_ready()))
//!     .build()?;
//! let handle = host.handle();
//! let shutdown = async {
//!     // Wait for the signal of the embedding program, and call `handle.reload()` meanwhile.
//!     std::future::pending::<()>().await
//! };
//! host.run(shutdown).await?;
//! # drop(handle);
//! # Ok(())
//! # }
//! ```
//!
//! An [`Authorizer`] of the embedding program can decide instead of policies: see
//! [`HostBuilder::authorizer`]. Policies can look up values of the embedding program
//! ([`HostBuilder::key_values`]), and it can receive the record of each login
//! ([`HostBuilder::on_record`]).
//!
//! # Layout
//!
//! - [`Host`], [`HostBuilder`]: the host, with the hooks of the embedding program.
//! - [`HostHandle`]: reloads, [`HostStatus`] and metrics while the host runs.
//! - [`Config`], [`Secrets`]: `portcullis.toml`, and the secrets that it names.
//! - [`authority_options`], [`issuers`]: the parts of a configuration that decide and sign logins,
//!   for tools that do so without NATS. [`login_probe`], [`queue_group`],
//!   [`further_permissions`]: the parts that face servers, for tools that examine them.
//! - [`BuildError`], [`RunError`]: the failures.
//! - [`AuthorizationRequest`], [`Decision`], [`Permit`], [`DecisionRecord`] and the other types of
//!   the builder's functions: those of `portcullis-core`, which has the rest of the domain.
//!
//! # Policies in child processes
//!
//! The program loads and tests new versions of policies in child processes, which confine modules
//! that exhaust memory or stack. By default, an embedded host does that in its own process. To use
//! child processes, give the builder a [`Prover`] of a command line that calls
//! [`prove_for_parent`](portcullis_catalog::prove_for_parent).

mod account_requests;
mod answering;
mod buckets;
mod builder;
mod connections;
mod error;
mod exchange;
mod first_login;
mod handle;
mod health;
mod host;
mod locks;
mod metric_source;
mod options;
mod policies;
mod records;
mod reload;
mod sinks;
mod traces;
mod watching;

pub use builder::HostBuilder;
pub use connections::LogHostConnections;
pub use error::{BuildError, RunError};
pub use handle::{HostHandle, HostStatus};
pub use health::{CannotListen, LostForTooLong, NotReady};
pub use host::Host;
pub use metric_source::MetricSource;
pub use options::{authority_options, further_permissions, issuers, login_probe, queue_group};
pub use policies::{OwnAuthorizer, PolicyDirectory};
pub use portcullis_catalog::Prover;
pub use portcullis_config::{Config, Secrets};
pub use portcullis_connect::ConnectionHooks;
pub use portcullis_core::{
    AuthorizationRequest, Authorizer, BucketName, Decision, DecisionRecord, Denial, DenialClass,
    KeyValues, LookUpError, Outcome, Permit, Sample, SampleValue, Strength,
};
pub use portcullis_toml::{Checked, Problem, Problems};
pub use reload::{ReloadError, Reloaded};
