//! The HTTP front door: a caller presents a bearer token and a public nkey, and gets a NATS user
//! JWT for that nkey.
//!
//! A server checks such a user JWT alone. So the caller's NATS connections cost no callout, and
//! they work while no host runs. `portcullis-authority` throttles, identifies, decides and enforces
//! as it does for auth callout. This crate reads HTTP requests and writes the answers.
//!
//! # Routes
//!
//! | route | body | answer |
//! | --- | --- | --- |
//! | `POST /v1/tokens` | JSON: `nkey`, `name`, `account`, `lifetime`, `proof` | JSON: `jwt`, `expires`, `account`, `subjects` |
//! | `POST /v1/nonces` | none | JSON: `nonce`, `expires` |
//! | `POST /core/tokens` | JSON: `user_pub_key`, `user_name` | the user JWT (`application/jwt`) |
//! | `POST /admin/accounts/{name}/tokens` | the same | the same, in the account of the route |
//! | `GET /openapi.json` | none | the description of the routes |
//!
//! The host signs for public keys only. It never has the seed of a caller.
//!
//! # Layout
//!
//! - [`Exchange`] and [`ExchangeOptions`]: the routes as a service, and their options.
//! - [`Exchange::serve`]: the service of a listener of `portcullis-http`.

#![cfg_attr(
    test,
    allow(
        clippy::disallowed_methods,
        reason = "a test waits in real time, or compares with it"
    )
)]

mod answer;
mod bearer;
mod body;
mod context;
mod counters;
mod exchange;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod guard;
mod nonces;
mod object;
mod openapi;
mod options;
mod problem;
mod proof;
mod refusal_log;
mod routes;
mod serve;
mod shared;
#[cfg(test)]
mod tests;

pub use exchange::Exchange;
pub use options::{ExchangeOptions, ProofRoute};
