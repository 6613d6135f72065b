//! The configuration of Portcullis, `portcullis.toml`.
//!
//! Each table is a type, in a module of its own, with its validation. Defaults come from the crates
//! whose options a table fills. All mistakes of a file are reported at once, with their lines.
//!
//! # Layout
//!
//! - [`Config`]: a valid configuration; [`Survey`]: the valid parts of any configuration, with all
//!   problems.
//! - [`Secrets`]: the secrets that a configuration names, from files and environment.
//! - [`PolicyTables`], [`permit_rules`], [`catalog_options`]: the options that the tables about
//!   policies and permits amount to.
//! - [`Changes`]: the difference between the configuration of a running host and a new one.
//! - [`check_seed`], [`public_key`]: checks of seeds.

mod account_caps;
mod account_requests;
mod allowed;
mod callout;
mod callout_keys;
mod ceilings;
mod config;
mod consistency;
mod deny;
mod exchange;
mod first_login;
mod grants;
mod health;
mod identity;
mod key_value;
mod links;
mod log;
mod nats;
mod operator;
mod options;
mod other_keys;
mod otlp;
mod policies;
mod records;
mod reload;
mod schema;
mod secrets;
mod seeds;
mod source_text;
mod sources;
mod survey;
mod telemetry;
#[cfg(test)]
mod tests;
mod values;

pub use account_requests::AccountRequestTable;
pub use callout::Callout;
pub use callout_keys::CalloutKeys;
pub use config::Config;
pub use exchange::Exchange;
pub use first_login::FirstLogin;
pub use health::Health;
pub use identity::Identity;
pub use key_value::KeyValue;
pub use log::{InvalidLogFilter, InvalidLogFormat, Log, LogFilter, LogFormat, WhenFull};
pub use nats::{InvalidServerAddress, Nats, ServerAddress};
pub use operator::{Operator, SigningAccount};
pub use options::{PolicyTables, catalog_options, code_cache_options, permit_rules};
pub use other_keys::OtherKeys;
pub use policies::Policies;
pub use reload::Changes;
pub use secrets::{AccountSeeds, OtherSeeds, Secrets};
pub use seeds::{UnusableSeed, check_seed, public_key};
pub use survey::Survey;
pub use telemetry::Telemetry;
