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
//! - [`Credentials`], [`log_in`]: a quick login; [`ForeignClient`], [`Login`]: a thorough one; [`Wire`], [`mqtt_log_in`]: by hand.
//! - [`Leafnode`]: a server that joins another.
//! - [`Provider`]: an `OpenID` provider, which gives tokens; [`Forgery`]: what becomes of them in the wrong hands.
//! - [`Operator`]: accounts and users of operator mode. [`Authority`]: certificates.
//! - [`ShiftedClock`]: a host whose clock is wrong.
//! - [`RequestSigner`]: authorization requests by hand.
//! - [`Relay`]: a way to a server that can be cut for one of several connections.
//! - [`Gauge`]: what a process holds.
//! - [`nested_component`], [`nested_world`], [`with_loops`]: modules that hurt whoever reads them.
//! - [`Flood`]: many requests by hand, and what a decision costs.
//! - [`Contender`]: our host, or a service that others wrote, for comparisons; [`Comparison`]: what came of
//!   them; [`Measuring`]: the command line of those.
//! - [`Recording`], [`Event`]: lines as they come, and how to wait for one.
//! - [`Built`], [`Release`]: where `cargo xtask` put what the tests need.
//!
//! Nothing here waits for a time to pass: readiness is a line that a process writes.

use std::time::Duration;

/// How long anything may take before it counts as hung: far longer than it takes on a machine that is busy with other things.
pub const PATIENCE: Duration = Duration::from_mins(5);

mod built;
mod certificates;
mod clock;
mod comparison;
mod contender;
mod event;
mod flood;
mod foreign;
mod forgery;
mod gauge;
mod host;
mod hostile;
mod keys;
mod leafnode;
mod leaks;
mod login;
mod measuring;
mod mqtt;
mod nats_server;
mod operator;
mod policies;
mod provider;
mod recording;
mod relay;
mod requests;
mod site;
mod wire;

pub use built::{Built, Release};
pub use certificates::{Authority, Certificate};
pub use clock::ShiftedClock;
pub use comparison::{Beside, Comparison, Metric, Round, percentile};
pub use contender::{CalloutGo, Conditions, Contender, Peer};
pub use event::Event;
pub use flood::{Flood, Flooded, Questions};
pub use foreign::{ForeignClient, Login, Session, Step};
pub use forgery::{Forgery, changed};
pub use gauge::Gauge;
pub use host::{Finished, Host, hash, run_portcullis};
pub use hostile::{nested_component, nested_world, with_loops};
pub use keys::Keys;
pub use leafnode::{Joined, Leafnode, Remote};
pub use login::{Credentials, barely_log_in, is_refused, log_in, login_options};
pub use measuring::Measuring;
pub use mqtt::{MqttAnswer, mqtt_log_in};
pub use nats_server::NatsServer;
pub use operator::{Account, Operator, Resolver, Template, User};
pub use policies::{PolicyDirectory, wasm_with_new_code, wasm_with_note};
pub use provider::{Fetches, Provider};
pub use recording::Recording;
pub use relay::Relay;
pub use requests::{CALLOUT, RequestSigner, ask_as_server, server_inbox, set, unix_now};
pub use site::{Accounts, Site, plain_hashes};
pub use wire::{Answer, Wire};
