//! NATS user JWTs of trusted issuers, judged as a server judges them on a plain login.
//!
//! A server that asks a callout has not judged the JWT that it passes on, or asks in spite of its
//! verdict. So the host checks the JWT against the server's own rules
//! (`processClientOrLeafAuthentication` of nats-server): signature, times and revocations. It also
//! checks networks, connections and times of day, which the JWT or the role of its signing key
//! sets.

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
