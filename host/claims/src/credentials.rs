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

/// Maximum size of a credentials file, in bytes: the longest token, and the same size for all other
/// text.
pub const MAX_CREDENTIALS_SIZE: usize = 2 * MAX_TOKEN_SIZE;

/// The content of a credentials file (`.creds`), which logs in a user of a system with JWTs.
///
/// The JWT is signed by its issuer, and the seed is that of its subject. Whether a server trusts
/// the issuer, and whether the JWT has expired, is not checked. `Debug` shows the user's public key
/// only.
pub struct UserCredentials {
    jwt: Secret,
    key: UserKey,
    issued_at: Option<u64>,
    expires_at: Option<u64>,
}

/// A reason why a text is not a credentials file. No message repeats the text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialsError {
    /// The text is larger than any credentials file.
    #[error("the credentials are larger than {MAX_CREDENTIALS_SIZE} bytes")]
    TooLarge,
    /// The text has neither a JWT nor a seed.
    #[error(
        "expected a credentials file, found neither a user JWT (`eyJ…`) nor a user seed (`SU…`)"
    )]
    Unrecognized,
    /// The text has a seed and no JWT.
    #[error(
        "the user JWT (`eyJ…`) is missing, there is only a seed; write the credentials file again, or give the JWT as a file of its own"
    )]
    MissingJwt,
    /// The text has a JWT and no seed.
    #[error(
        "the user seed (`SU…`) is missing, there is only a JWT; write the credentials file again, or give the seed as a file of its own"
    )]
    MissingSeed,
    /// The JWT is damaged or not that of a user.
    #[error("the JWT in the credentials is not usable")]
    Jwt(#[source] TokenError),
    /// The subject of the JWT is not a user key.
    #[error("the JWT in the credentials is not about a user key (`sub`)")]
    Subject(#[source] InvalidPublicKey),
    /// The seed is damaged or not that of a user.
    #[error("the seed in the credentials is not usable")]
    Seed(#[source] KeyError),
    /// JWT and seed belong to different users.
    #[error("the seed belongs to `{seed}`, the JWT to `{jwt}`; take both from the same user")]
    Mismatch {
        /// Public key of the seed.
        seed: PublicKey,
        /// Subject of the JWT.
        jwt: PublicKey,
    },
}

/// The part of a user JWT that matters here. The rest is for the server.
#[derive(Default, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(default)]
struct AnyUser {
    #[serde(rename = "type")]
    kind: Option<String>,
    version: Option<i64>,
}

impl UserCredentials {
    /// Parses the content of a credentials file.
    ///
    /// Accepts every form that some NATS client reads, and what editors and environments make of
    /// it:
    ///
    /// - without a last line end, with CRLF or a byte order mark;
    /// - with extra blank lines and spaces;
    /// - with other labels or numbers of dashes;
    /// - with text around it;
    /// - as base64.
    ///
    /// # Errors
    ///
    /// Fails if a part is missing or unusable, or if the parts do not belong together.
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

    /// Parses the parts from two texts, such as two files. Each part may be bare, in its block or
    /// inside a credentials file.
    ///
    /// # Errors
    ///
    /// Fails as [`UserCredentials::parse`] does.
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
        let claims = jwt::decode::<AnyUser>(token.as_bytes(), signatures)
            .map_err(CredentialsError::Jwt)?
            .claims;
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
            issued_at: claims.issued_at.filter(|at| *at > 0),
            expires_at: claims.expires_at.filter(|at| *at > 0),
        })
    }

    /// Returns the user JWT. Every call can leak it.
    pub fn jwt(&self) -> &str {
        self.jwt.expose()
    }

    /// Returns the user's key, which signs a server's nonce.
    pub const fn key(&self) -> &UserKey {
        &self.key
    }

    /// Returns the time of issue of the JWT, in seconds since the Unix epoch. `None` if the JWT
    /// does not name it.
    pub const fn issued_at(&self) -> Option<u64> {
        self.issued_at
    }

    /// Returns the expiry of the JWT, in seconds since the Unix epoch. `None` if the JWT does not
    /// expire.
    pub const fn expires_at(&self) -> Option<u64> {
        self.expires_at
    }

    /// Returns the credentials file, byte for byte as `nsc` writes it. Every NATS client reads this
    /// form.
    pub fn to_text(&self) -> Secret {
        let (jwt, seed) = (self.jwt(), self.key.seed());
        // Reserves room for the whole text, because a growing buffer would leave copies of the
        // secret behind.
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

/// Warning that is part of the format.
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

/// Decodes `text` as base64 of any alphabet and line length. `None` if it is not base64 of UTF-8
/// text.
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
