//! Where clients carry bearer tokens.

use portcullis_core::{Credentials, Secret};

use crate::oidc::looks_like_token;

/// A place in a login that can carry a bearer token. NATS clients differ in which of them they can fill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenPlace {
    /// The password.
    Password,
    /// The bare token (`auth_token`).
    Token,
    /// The place of the user JWT. In config mode servers throw away what is there, except an MQTT client's password that is a user JWT.
    Jwt,
}

/// What a login presents as its bearer token.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Presented<'a> {
    pub(crate) place: TokenPlace,
    /// Without `Bearer `.
    pub(crate) text: &'a str,
    /// Whether it has the shape of a signed token. If not, the client said that it is a token of some kind.
    pub(crate) is_signed: bool,
}

impl TokenPlace {
    /// Every place, in the order in which they are looked at by default.
    pub const ALL: [Self; 3] = [Self::Password, Self::Token, Self::Jwt];

    /// The name in configuration and messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Token => "token",
            Self::Jwt => "jwt",
        }
    }

    const fn secret(self, credentials: &Credentials) -> Option<&Secret> {
        match self {
            Self::Password => credentials.password.as_ref(),
            Self::Token => credentials.token.as_ref(),
            Self::Jwt => credentials.jwt.as_ref(),
        }
    }
}

/// The first in `places` that has the shape of a signed token, or is said to be a token; nothing if none is. Nothing of it is
/// verified.
pub(crate) fn presented<'a>(
    credentials: &'a Credentials,
    places: &[TokenPlace],
) -> Option<Presented<'a>> {
    places.iter().find_map(|&place| {
        let text = place.secret(credentials)?.expose();
        let (scheme, rest) = text.split_once(' ').unwrap_or(("", text));
        let is_marked = scheme.eq_ignore_ascii_case("Bearer");
        let text = if is_marked { rest.trim() } else { text };
        let is_signed = looks_like_token(text);
        (is_signed || is_marked).then_some(Presented {
            place,
            text,
            is_signed,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A header and a payload of no matter what, without a signature.
    const SIGNED: &str = "eyJhbGciOiJFUzI1NiJ9.e30.AA";

    #[test]
    fn the_first_place_with_a_token_counts() {
        let bearer = format!("bEARER  {SIGNED} ");
        let credentials = Credentials {
            password: Some(Secret::new("Bearer a.b.c")),
            token: Some(Secret::new(bearer)),
            jwt: Some(Secret::new("Bear er")),
            ..Credentials::default()
        };
        let found = |places: &[TokenPlace]| {
            let presented = presented(&credentials, places)?;
            Some((presented.place, presented.text, presented.is_signed))
        };
        let password = Some((TokenPlace::Password, "a.b.c", false));
        let token = Some((TokenPlace::Token, SIGNED, true));
        assert_eq!(found(&TokenPlace::ALL), password);
        assert_eq!(found(&[TokenPlace::Jwt, TokenPlace::Token]), token);
        assert_eq!(found(&[TokenPlace::Jwt]), None, "neither");
        assert_eq!(found(&[]), None);
        assert_eq!(presented(&Credentials::default(), &TokenPlace::ALL), None);
    }
}
