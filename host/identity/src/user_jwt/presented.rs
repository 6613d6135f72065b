//! The user JWT that a login presents.

use std::cell::OnceCell;

use data_encoding::BASE64URL_NOPAD;
use portcullis_claims::{TokenError, UserClaims};
use portcullis_core::Credentials;
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::bearer::unmarked;

/// The user JWT of a login. It is decoded at its first use, because that verifies a signature.
pub(crate) struct PresentedJwt<'r> {
    credentials: &'r Credentials,
    read: OnceCell<Option<Result<UserJwt, TokenError>>>,
}

/// A user JWT that is signed by the key that it names, trusted or not.
pub(crate) struct UserJwt {
    pub(crate) claims: UserClaims,
    /// JSON of the claims, as in the token.
    pub(crate) json: Zeroizing<String>,
}

impl<'r> PresentedJwt<'r> {
    pub(crate) const fn of(credentials: &'r Credentials) -> Self {
        Self {
            credentials,
            read: OnceCell::new(),
        }
    }

    /// Returns the JWT, or what is wrong with it. `None` if the login presents none.
    pub(crate) fn get(&self) -> Option<Result<&UserJwt, TokenError>> {
        let read = || {
            let (text, _) = unmarked(self.credentials.jwt.as_ref()?.expose());
            let read = UserClaims::decode_with_json(text);
            Some(read.map(|(claims, json)| UserJwt { claims, json }))
        };
        let read = self.read.get_or_init(read).as_ref()?;
        Some(read.as_ref().map_err(|error| *error))
    }

    /// Returns the subject of the JWT. `None` without a valid JWT.
    pub(crate) fn subject(&self) -> Option<String> {
        self.get()?.ok()?.claims.subject.clone()
    }
}

/// Returns the subject that a JWT claims, with any signature. `None` if `token` is not a JWT.
pub(crate) fn claimed_subject(token: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Subject {
        sub: String,
    }
    let (token, _) = unmarked(token);
    let payload = token.split('.').nth(1)?;
    let json = Zeroizing::new(BASE64URL_NOPAD.decode(payload.as_bytes()).ok()?);
    let claims: Subject = serde_json::from_slice(&json).ok()?;
    Some(claims.sub)
}
