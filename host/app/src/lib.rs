//! Portcullis: a NATS auth callout service whose decisions come from WebAssembly policies.
//!
//! NATS servers send every login to the service, policies in a watched directory decide, and the
//! service signs the answer. This crate is the program as a library: configuration, command line,
//! logs, exit codes, and the wiring of the other crates.
//!
//! # Layout
//!
//! - [`Config`]: `portcullis.toml`, read so that all mistakes are reported at once; [`Secrets`]:
//!   the secrets that it names, from files and environment; [`Problem`]: one mistake.
//! - [`serve()`]: the service, for a configuration, secrets and a signal to stop. `health`: its
//!   health pages.
//! - [`check`], [`init`], [`import`], [`policy`], [`inspect`], [`hash`]: the other commands.
//! - [`child_prover`]: loads and tests policies in child processes, as the program does.
//!   [`serve()`] alone cannot, because it does not know the command line of the embedding program.
//! - [`Cli`] and [`run`]: the command line; [`ExitCode`]: its result; [`telemetry`]: logs.
//!
//! # Embedding
//!
//! ```no_run
//! # async fn embed() -> Result<(), Box<dyn std::error::Error>> {
//! use std::path::Path;
//!
//! use portcullis::Config;
//!
//! let config = Config::load(Path::new("portcullis.toml")).map_err(|problems| problems[0].to_string())?;
//! let secrets = config.value.resolve_secrets().map_err(|problems| problems[0].to_string())?;
//! let forever = std::future::pending();
//! portcullis::serve(config.value, secrets.value, forever)
//!     .await
//!     .map_err(|failure| failure.to_string())?;
//! # Ok(())
//! # }
//! ```

pub mod check;
pub mod cli;
pub mod config;
pub mod hash;
pub mod import;
pub mod init;
pub mod inspect;
pub mod policy;
pub mod telemetry;

mod connections;
mod exit;
mod failure;
mod health;
mod key_value;
mod keys;
mod options;
mod output;
mod problem;
mod prove;
mod run;
mod serve;
mod signals;
mod text;

pub use cli::Cli;
pub use config::{Config, Secrets};
pub use exit::ExitCode;
pub use failure::Failure;
pub use options::PolicyTables;
pub use output::{NotDone, Output};
pub use problem::{Checked, Problem, Severity};
pub use prove::child_prover;
pub use run::run;
pub use serve::{serve, serve_proving};
