//! Credentials files: a user JWT and the seed that proves its owner.

mod scan;

use std::fmt;
use std::fmt::Write as _;

use data_encoding::{BASE64, BASE64_NOPAD, BASE64URL, BASE64URL_NOPAD};
use portcullis_core::Secret;
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::jwt::{self, Body, Claims, MAX_TOKEN_SIZE, Signatures, TokenError};
use crate::keys::{InvalidPublicKey, KeyError, KeyKind, PublicKey, UserKey};
use scan::Found;

/// The longest credentials file, in bytes: the longest token, and as much again for all else.
pub const MAX_CREDENTIALS_SIZE: usize = 2 * MAX_TOKEN_SIZE;

/// What logs a user in where users are JWTs: the content of a credentials file (`.creds`).
///
/// The JWT is signed by its issuer and the seed is its subject's; whether a server trusts the issuer, and
/// whether the JWT has expired, is not known here. `Debug` shows the user's public key only.
pub struct UserCredentials {
    jwt: Secret,
    key: UserKey,
    expires_at: Option<u64>,
}

/// Why a text is no credentials file. No message repeats the text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialsError {
    /// Larger than any credentials file.
    #[error("the credentials are larger than {MAX_CREDENTIALS_SIZE} bytes")]
    TooLarge,
    /// Neither of the parts.
    #[error(
        "expected a credentials file, found neither a user JWT (`eyJ…`) nor a user seed (`SU…`)"
    )]
    Unrecognized,
    /// A seed alone.
    #[error(
        "the user JWT (`eyJ…`) is missing, there is only a seed; write the credentials file again, or give the JWT as a file of its own"
    )]
    MissingJwt,
    /// A JWT alone.
    #[error(
        "the user seed (`SU…`) is missing, there is only a JWT; write the credentials file again, or give the seed as a file of its own"
    )]
    MissingSeed,
    /// The JWT is not one of a user, or damaged.
    #[error("the JWT in the credentials is not usable")]
    Jwt(#[source] TokenError),
    /// The JWT is about something else than a user.
    #[error("the JWT in the credentials is not about a user key (`sub`)")]
    Subject(#[source] InvalidPublicKey),
    /// The seed is not one of a user, or damaged.
    #[error("the seed in the credentials is not usable")]
    Seed(#[source] KeyError),
    /// Parts of two different users.
    #[error("the seed belongs to `{seed}`, the JWT to `{jwt}`; take both from the same user")]
    Mismatch {
        /// The seed's public key.
        seed: PublicKey,
        /// The JWT's subject.
        jwt: PublicKey,
    },
}

/// As much of a user JWT as matters here. What else it says is for the server.
#[derive(Default, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(default)]
struct AnyUser {
    #[serde(rename = "type")]
    kind: Option<String>,
    version: Option<i64>,
}

impl UserCredentials {
    /// Reads the content of a credentials file, in every form that some NATS client reads, and in those that
    /// editors and environments make of it: without a last line end, with CRLF or a byte order mark, with blank
    /// lines and spaces where there should be none, with other labels or numbers of dashes, with text around it,
    /// or all of it as base64.
    ///
    /// # Errors
    ///
    /// Which part is missing or not usable, or that the parts do not belong together.
    pub fn parse(text: &str) -> Result<Self, CredentialsError> {
        Self::parse_with(text, Signatures::Verify)
    }

    pub(crate) fn parse_with(text: &str, signatures: Signatures) -> Result<Self, CredentialsError> {
        check_size(text)?;
        let found = scan::scan(text);
        if found.is_empty()
            && let Some(decoded) = unbase64(text)
        {
            return Self::of(&scan::scan(&decoded), signatures);
        }
        Self::of(&found, signatures)
    }

    /// Reads the parts from two texts, as two files have them: each alone, decorated or inside of a credentials
    /// file.
    ///
    /// # Errors
    ///
    /// As [`UserCredentials::parse`].
    pub fn parse_pair(jwt_text: &str, seed_text: &str) -> Result<Self, CredentialsError> {
        check_size(jwt_text)?;
        check_size(seed_text)?;
        let jwt = scan::scan(jwt_text).jwt;
        let seed = scan::scan(seed_text).seed;
        Self::of(&Found { jwt, seed }, Signatures::Verify)
    }

    fn of(found: &Found, signatures: Signatures) -> Result<Self, CredentialsError> {
        let (token, seed) = match (&found.jwt, &found.seed) {
            (Some(token), Some(seed)) => (token, seed),
            (None, Some(_)) => return Err(CredentialsError::MissingJwt),
            (Some(_), None) => return Err(CredentialsError::MissingSeed),
            (None, None) => return Err(CredentialsError::Unrecognized),
        };
        let (claims, _) =
            jwt::decode::<AnyUser>(token.as_bytes(), signatures).map_err(CredentialsError::Jwt)?;
        let subject = subject_of(&claims)?;
        let key = UserKey::from_seed(seed).map_err(CredentialsError::Seed)?;
        if key.as_public() != &subject {
            return Err(CredentialsError::Mismatch {
                seed: key.as_public().clone(),
                jwt: subject,
            });
        }
        Ok(Self {
            jwt: Secret::new(token.as_str()),
            key,
            expires_at: claims.expires_at.filter(|at| *at > 0),
        })
    }

    /// The user JWT. Every call is a place where it can leak.
    pub fn jwt(&self) -> &str {
        self.jwt.expose()
    }

    /// The user's key, which signs a server's nonce.
    pub const fn key(&self) -> &UserKey {
        &self.key
    }

    /// When the JWT ends, in seconds since the Unix epoch, if it does.
    pub const fn expires_at(&self) -> Option<u64> {
        self.expires_at
    }

    /// The credentials file, byte for byte as `nsc` writes it. Every NATS client reads this form.
    pub fn to_text(&self) -> Secret {
        let (jwt, seed) = (self.jwt(), self.key.seed());
        // Room for everything at once: growing would leave copies behind.
        let mut text = String::with_capacity(jwt.len().saturating_add(512));
        // Writing to a string does not fail.
        let _ = write!(
            text,
            "-----BEGIN NATS USER JWT-----\n{jwt}\n------END NATS USER JWT------\n\n{WARNING}\n\
             -----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n\n{STARS}\n"
        );
        Secret::new(text)
    }
}

/// Belongs to the format.
const WARNING: &str = "************************* IMPORTANT *************************
NKEY Seed printed below can be used to sign and prove identity.
NKEYs are sensitive and should be treated as secrets.
";
const STARS: &str = "*************************************************************";

fn check_size(text: &str) -> Result<(), CredentialsError> {
    if text.len() > MAX_CREDENTIALS_SIZE {
        Err(CredentialsError::TooLarge)
    } else {
        Ok(())
    }
}

fn subject_of(claims: &Claims<AnyUser>) -> Result<PublicKey, CredentialsError> {
    let subject: PublicKey = claims
        .subject
        .as_deref()
        .unwrap_or_default()
        .parse()
        .map_err(CredentialsError::Subject)?;
    if subject.kind() == KeyKind::User {
        Ok(subject)
    } else {
        Err(CredentialsError::Subject(InvalidPublicKey))
    }
}

/// The text that `text` is the base64 of, in whichever alphabet and however wrapped.
fn unbase64(text: &str) -> Option<Zeroizing<String>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut packed = Zeroizing::new(Vec::with_capacity(text.len()));
    packed.extend(text.bytes().filter(|byte| !byte.is_ascii_whitespace()));
    let bytes = [BASE64, BASE64_NOPAD, BASE64URL, BASE64URL_NOPAD]
        .iter()
        .find_map(|alphabet| alphabet.decode(&packed).ok())?;
    match String::from_utf8(bytes) {
        Ok(text) => Some(Zeroizing::new(text)),
        Err(error) => {
            drop(Zeroizing::new(error.into_bytes()));
            None
        }
    }
}

impl Body for AnyUser {
    const KIND: &'static str = "user";
    const ISSUERS: &'static [KeyKind] = &[KeyKind::Account];

    fn kind(&self) -> Option<&str> {
        self.kind.as_deref()
    }

    fn version(&self) -> Option<i64> {
        self.version
    }
}

impl fmt::Debug for UserCredentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "UserCredentials({})", self.key.public_key())
    }
}

#[cfg(test)]
mod tests;
