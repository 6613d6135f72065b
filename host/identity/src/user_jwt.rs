//! NATS user JWTs whose issuer is trusted: what a server would have made of them on a plain login.
//!
//! A server that asks a callout has not judged the JWT that it hands on, or has judged it and asks all the same. So the host holds it to
//! the server's own rules (`processClientOrLeafAuthentication` of nats-server): signature, times, revocations, and what the
//! JWT or the role of its signing key says of networks, connections and times of day.

mod account;
mod error;
mod options;
mod presented;
mod rules;
mod source;
mod trusted;

pub use error::{AccountJwtError, AccountSetupError, UserJwtError};
pub use options::{AccountOptions, AccountSource};
pub(crate) use presented::{PresentedJwt, claimed_subject};
pub use trusted::TrustedAccounts;
pub(crate) use trusted::VerifiedUser;

#[cfg(test)]
pub(crate) mod testing;
