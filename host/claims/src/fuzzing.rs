//! Functions for fuzz targets only: decoders that skip signatures, which a fuzzer cannot make, and
//! the text form of keys.

use std::time::Duration;

use serde::de::DeserializeOwned;

use crate::credentials::{CredentialsError, UserCredentials};
use crate::jwt::{self, Body, Claims, Signatures, TokenError};
use crate::request::{OpenedRequest, RequestError};

pub use crate::keys::{public_text, read_seed, seed_from_bytes as seed_text};

/// Decodes a token of this kind with any signature.
///
/// # Errors
///
/// Fails as [`Claims::decode`] does, except for the signature.
pub fn decode<B: Body + Default + DeserializeOwned>(token: &[u8]) -> Result<Claims<B>, TokenError> {
    jwt::decode(token, Signatures::Trust).map(|decoded| decoded.claims)
}

/// Opens a request with any signature.
///
/// # Errors
///
/// Fails as [`OpenedRequest::open`] does, except for the signature.
pub fn open_request(token: &[u8], now: u64, skew: Duration) -> Result<OpenedRequest, RequestError> {
    let request = OpenedRequest::read_verified(token, now, None)?;
    request.check(now, skew)?;
    Ok(request)
}

/// Parses a credentials file whose JWT has any signature.
///
/// # Errors
///
/// Fails as [`UserCredentials::parse`] does, except for the signature.
pub fn parse_credentials(text: &str) -> Result<UserCredentials, CredentialsError> {
    UserCredentials::parse_with(text, Signatures::Trust)
}
