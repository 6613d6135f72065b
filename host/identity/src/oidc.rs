//! Tokens of identity providers: `OpenID` Connect, OAuth 2.0 (RFC 9068), Kubernetes service
//! accounts.
//!
//! A token is checked against the rules of RFC 7515, 7519 and 8725. All checks that need no key
//! come first, so an expired token or one for another audience never causes a fetch. Tasks of their
//! own fetch keys, never a login. `docs/design/how-are-an-issuers-keys-fetched.md` describes what
//! happens while an issuer is down, and when clients invent key ids.

mod algorithm;
mod error;
mod fetch;
mod issuer;
mod jwks;
mod options;
pub(crate) mod rules;
mod setup;
mod status;
mod token;
mod verifier;

pub use algorithm::{InvalidTokenAlgorithm, TokenAlgorithm};
pub use error::TokenError;
pub use fetch::{FetchError, HttpAnswer, HttpClient, HttpRequest, NetworkClient};
pub use options::{GroupForm, GroupPath, IssuerOptions, KeySource, RequiredClaim};
pub use setup::TokenSetupError;
pub use status::IssuerStatus;
pub use token::looks_like_token;
pub(crate) use token::{Shape, shape};
pub use verifier::{TokenVerifier, VerifiedToken};

#[cfg(feature = "fuzzing")]
pub(crate) use {
    jwks::{KeySet, KeyUse},
    token::Token,
};

#[cfg(test)]
pub(crate) mod testing;
