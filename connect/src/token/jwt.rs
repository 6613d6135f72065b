//! The times in a token that is a JWT. Nothing is verified: they only tell when to renew it.

use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use portcullis_core::{Secret, numeric_date};
use serde::Deserialize;
use serde_json::Value;

/// The times of a JWT, in seconds since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Times {
    /// The end (`exp`).
    pub(super) end: u64,
    /// The time of issue (`iat`). `None` if the JWT has none.
    issued: Option<u64>,
}

#[derive(Deserialize)]
struct Claims {
    #[serde(default)]
    exp: Value,
    #[serde(default)]
    iat: Value,
}

impl Times {
    /// Returns the times of a secret. `None` if it is not a JWT, or does not expire.
    pub(super) fn of(secret: &Secret) -> Option<Self> {
        let mut chunks = secret.expose().split('.');
        let (_header, claims) = (chunks.next()?, chunks.next()?);
        let claims = BASE64URL_NOPAD.decode(claims.as_bytes()).ok()?;
        let claims: Claims = serde_json::from_slice(&claims).ok()?;
        Some(Self {
            end: numeric_date(&claims.exp)?,
            issued: numeric_date(&claims.iat).filter(|issued| *issued > 0),
        })
    }

    /// Returns the lifetime by the issuer's clock. `None` if the JWT does not tell it.
    pub(super) fn lifetime(self) -> Option<Duration> {
        let seconds = self.end.checked_sub(self.issued?)?;
        (seconds > 0).then(|| Duration::from_secs(seconds))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_times_of_a_jwt_are_numbers_of_any_kind() {
        for (claims, end, lifetime) in [
            (r#"{"exp":160,"iat":100}"#, Some(160), Some(60)),
            (r#"{"exp":160.9,"iat":100.2}"#, Some(160), Some(60)),
            (r#"{"exp":1.6e2}"#, Some(160), None),
            (r#"{"exp":160,"iat":0}"#, Some(160), None),
            (r#"{"exp":160,"iat":160}"#, Some(160), None),
            (r#"{"exp":160,"iat":"100"}"#, Some(160), None),
            (r#"{"exp":"160"}"#, None, None),
            (r#"{"exp":null,"iat":100}"#, None, None),
            ("{}", None, None),
            ("[]", None, None),
            ("not json", None, None),
        ] {
            let claims_of = BASE64URL_NOPAD.encode(claims.as_bytes());
            let times = Times::of(&Secret::new(format!("e30.{claims_of}.c2ln")));
            assert_eq!(times.map(|times| times.end), end, "{claims}");
            let found = times.and_then(Times::lifetime);
            assert_eq!(found, lifetime.map(Duration::from_secs), "{claims}");
        }
        assert_eq!(Times::of(&Secret::new("opaque")), None);
    }
}
