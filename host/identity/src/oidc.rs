//! Tokens of identity providers: `OpenID` Connect, OAuth 2.0 (RFC 9068), Kubernetes service accounts.
//!
//! A token is held to the rules of RFC 7515, 7519 and 8725. Everything that needs no key is looked at first: a token that is
//! expired or meant for others never causes a fetch. Keys are fetched by tasks of their own, never by a login; what that means
//! while an issuer is down, or while somebody invents key ids, is written in `docs/design/how-are-an-issuers-keys-fetched.md`.

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
pub use fetch::FetchError;
pub use options::{GroupPath, IssuerOptions, KeySource, RequiredClaim};
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
