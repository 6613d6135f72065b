//! The harness around a real nats-server, a real `portcullis` and third-party clients.
//!
//! Tests run the host only as a process, through its command line, its files and its log, as an
//! operator does.
//!
//! # Layout
//!
//! - [`Site`]: a directory with keys, configurations and policies, and the processes that use it.
//!   Begin here.
//! - [`NatsServer`], [`Host`]: one process each, killed on drop, with recorded output.
//! - [`PolicyDirectory`]: writes modules and settings into the directory that the host watches.
//! - [`Credentials`], [`log_in`]: a quick login; [`ForeignClient`], [`Login`]: a thorough one;
//!   [`Wire`], [`mqtt_log_in`]: the protocols by hand.
//! - [`Leafnode`]: a server that connects to another.
//! - [`Provider`]: an `OpenID` provider, which issues tokens; [`Forgery`]: forged ones.
//!   [`Exchange`]: a host that exchanges its tokens for user JWTs.
//! - [`Operator`]: accounts and users of operator mode. [`Made`]: those that the program makes.
//!   [`Authority`]: certificates.
//! - [`ShiftedClock`]: a process whose clock is wrong.
//! - [`RequestSigner`]: authorization requests by hand.
//! - [`Relay`]: a proxy of a server that can cut one of several connections.
//! - [`PseudoTerminal`]: a program in a terminal, the keys for it and what it shows.
//! - [`Recording`], [`Event`]: lines of output, and how to wait for one.
//! - [`Built`], [`Release`]: paths of what `cargo xtask` installs or builds for the tests.
//! - `portcullis-test-support`, from which this crate exports some items too: modules, and the
//!   resources of a process.
//!
//! No helper waits for a time to pass: a process is ready when it writes a certain line.

use std::time::Duration;

/// The time after which an operation counts as hung: far longer than it takes on a busy machine.
pub const PATIENCE: Duration = Duration::from_mins(5);

mod built;
mod certificates;
mod clock;
mod collector;
mod event;
mod exchange;
mod files;
mod foreign;
mod forgery;
mod host;
mod keys;
mod leafnode;
mod leaks;
mod login;
mod made;
mod mqtt;
mod nats_server;
mod operator;
mod page;
mod policies;
mod provider;
mod recording;
mod relay;
mod requests;
mod site;
mod terminal;
mod wire;

pub use built::{Built, Release};
pub use certificates::{Authority, Certificate};
pub use clock::ShiftedClock;
pub use collector::{Collected, Collector, CollectorMode, attribute};
pub use event::Event;
pub use exchange::Exchange;
pub use files::until_read;
pub use foreign::{ForeignClient, Login, Session, Step};
pub use forgery::{Forgery, changed};
pub use host::{Finished, Host, hash, run_portcullis, run_portcullis_in};
pub use keys::Keys;
pub use leafnode::{Joined, Leafnode, Remote};
pub use login::{Credentials, barely_log_in, is_admitted, is_refused, log_in, login_options};
pub use made::Made;
pub use mqtt::{MqttAnswer, mqtt_log_in};
pub use nats_server::NatsServer;
pub use operator::{Account, Operator, Resolver, Template, User};
pub use page::{Page, ask};
pub use policies::PolicyDirectory;
pub use portcullis_test_support::{
    Gauge, nested_component, nested_world, processor_time, wasm_with_new_code, wasm_with_note,
    with_loops,
};
pub use provider::{Fetches, Provider};
pub use recording::Recording;
pub use relay::Relay;
pub use requests::{CALLOUT, RequestSigner, ask_as_server, server_inbox, set, unix_now};
pub use site::{Accounts, Site, plain_hashes};
pub use terminal::PseudoTerminal;
pub use wire::{Answer, Wire};
