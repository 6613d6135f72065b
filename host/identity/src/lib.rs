//! Proves what a client presented.
//!
//! - [`Identifier`]: who asks, in one form for everything that a client can present.
//! - [`PasswordVerifier`]: compares passwords and tokens with their stored hashes, within limits on
//!   cost and on how many are computed at once. It also verifies nkey signatures and reads certificates.
//! - [`TokenVerifier`]: verifies the tokens of identity providers, whose keys it fetches.
//! - [`TrustedAccounts`]: holds NATS user JWTs of accounts that are trusted to the server's own rules.
//! - [`read_certificate`]: what a client's certificate says.
//! - [`hash_password`] and [`hash_token`]: make such hashes.
//!
//! Hashes block and burn CPU time: callers compute them away from async threads.

mod bearer;
mod certificate;
mod claimant;
mod cost;
mod fair_queue;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod hashing;
mod identifier;
mod nkey;
mod oidc;
mod remembered;
mod spiffe;
mod stored_hash;
mod times;
mod user_jwt;
mod verifier;
mod workers;

pub use bearer::TokenPlace;
pub use certificate::read as read_certificate;
pub use claimant::Claimant;
pub use cost::{hash_parameters, time_of_comparison};
pub use hashing::{CannotHash, hash_password, hash_token};
pub use identifier::{Identifier, IdentifierOptions};
pub use oidc::{
    FetchError, GroupPath, InvalidTokenAlgorithm, IssuerOptions, IssuerStatus, KeySource,
    RequiredClaim, TokenAlgorithm, TokenError, TokenSetupError, TokenVerifier, VerifiedToken,
    looks_like_token,
};
pub use remembered::NoRandomBytes;
pub use user_jwt::{
    AccountJwtError, AccountOptions, AccountSetupError, AccountSource, TrustedAccounts,
    UserJwtError,
};
pub use verifier::PasswordVerifier;
