//! The harness around a real nats-server, a real `portcullis` and clients that others wrote.
//!
//! The host is only ever driven as a process, through its command line, its files and its log, the
//! way an operator meets it.
//!
//! # Layout
//!
//! - [`Site`]: a directory with keys, configurations and policies, and what runs in it. Begin here.
//! - [`NatsServer`], [`Host`]: one process each, killed on drop, their output recorded.
//! - [`PolicyDirectory`]: puts modules and settings where the host watches.
//! - [`Credentials`], [`log_in`]: a quick login; [`ForeignClient`]: a thorough one.
//! - [`Recording`], [`Event`]: lines as they come, and how to wait for one.
//! - [`Built`], [`Release`]: where `cargo xtask` put what the tests need.
//!
//! Nothing here waits for a time to pass: readiness is a line that a process writes.

mod built;
mod event;
mod foreign;
mod host;
mod keys;
mod login;
mod nats_server;
mod policies;
mod recording;
mod site;

pub use built::{Built, Release};
pub use event::Event;
pub use foreign::{ForeignClient, Session, Step};
pub use host::{Finished, Host, hash, run_portcullis};
pub use keys::Keys;
pub use login::{Credentials, barely_log_in, is_refused, log_in, login_options};
pub use nats_server::NatsServer;
pub use policies::{PolicyDirectory, wasm_with_note};
pub use recording::Recording;
pub use site::{Accounts, Site};
