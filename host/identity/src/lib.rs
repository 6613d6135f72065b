//! Proofs of the credentials that a client presents.
//!
//! - [`Identifier`]: the client's identity, in one form for all kinds of credentials.
//! - [`PasswordVerifier`]: compares passwords and tokens with their stored hashes, within limits on
//!   cost and concurrency.
//! - [`TokenVerifier`]: verifies the tokens of identity providers, whose keys it fetches.
//! - [`TrustedAccounts`]: checks NATS user JWTs of trusted accounts against the server's own rules.
//! - [`bearer_credentials`]: the credentials of a request over HTTP.
//! - [`read_certificate`]: returns the facts of a client's certificate.
//! - [`hash_password`] and [`hash_token`]: make hashes for storage.
//!
//! Hashes block and take CPU time, so callers compute them outside of async tasks.

#![cfg_attr(
    test,
    allow(
        clippy::disallowed_methods,
        reason = "a test waits in real time, or compares with it"
    )
)]

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
mod password_cache;
mod spiffe;
mod stored_hash;
mod user_jwt;
mod verifier;
mod workers;

pub use bearer::{TokenPlace, bearer_credentials};
pub use certificate::{expiry as certificates_expiry, read as read_certificate};
pub use claimant::Claimant;
pub use cost::{hash_parameters, time_of_comparison};
pub use hashing::{CannotHash, hash_password, hash_token};
pub use identifier::{Identifier, IdentifierOptions};
pub use oidc::{
    FetchError, GroupForm, GroupPath, HttpAnswer, HttpClient, HttpRequest, InvalidTokenAlgorithm,
    IssuerOptions, IssuerStatus, KeySource, NetworkClient, RequiredClaim, TokenAlgorithm,
    TokenError, TokenSetupError, TokenVerifier, VerifiedToken, looks_like_token,
};
pub use password_cache::NoRandomBytes;
pub use user_jwt::{
    AccountJwtError, AccountOptions, AccountSetupError, AccountSource, TrustedAccounts,
    UserJwtError,
};
pub use verifier::PasswordVerifier;
