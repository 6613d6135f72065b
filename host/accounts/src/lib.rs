//! Operators, accounts and users of NATS in operator mode.
//!
//! - [`Validate`]: validation of claims as nats-io/jwt v2 does it, with the [`Findings`] in words.
//!   Servers refuse claims with an error.
//! - [`Store`]: one operator with its accounts, users and seeds in a directory, which several
//!   processes may use at once.
//! - [`AccountJwts`]: the account JWTs of a store by themselves, as a resolver needs them.
//! - [`Nsc`]: a store of the tool nsc, which is imported and exported.
//! - [`KeyRing`]: the seeds of a store. A [`Seed`] is one of any kind.
//! - [`resolver`]: the account JWTs of a store for NATS servers, over HTTP and NATS.
//! - [`FirstLogins`]: accounts that are made at their first login.
//! - [`AccountRequests`]: accounts that signed themselves, and that the operator's key signs.
//!
//! Times are seconds since the Unix epoch. Only the resolver, the first logins and the requests of
//! accounts read a clock.

mod account_jwts;
mod account_requests;
mod activations;
mod error;
mod first_login;
mod keys;
mod name_index;
mod nsc;
mod records;
pub mod resolver;
mod store;
mod validate;

pub use account_jwts::{AccountJwt, AccountJwts, Written};
pub use account_requests::{
    AccountRequestOptions, AccountRequests, AskedAccount, Granted, NotAsked, NotSigned,
};
pub use activations::{ActivationJwt, ActivationLimits, NotActivated};
pub use error::StoreError;
pub use first_login::{AccountSigners, FirstLoginOptions, FirstLogins, NotMade};
pub use keys::{KeyRing, Seed};
pub use nsc::{Nsc, Transferred};
pub use store::{Exposed, Signed, Store, UserJwt};
pub use validate::{Finding, Findings, Severity, Validate};
