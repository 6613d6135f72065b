//! Where clients carry bearer tokens.

use portcullis_core::{Credentials, Secret};

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

/// A text that may be a bearer token, and where it was.
#[derive(Debug)]
pub(crate) struct Candidate<'a> {
    pub(crate) place: TokenPlace,
    /// Without `Bearer `.
    pub(crate) text: &'a str,
    /// Whether the client said that it is one.
    pub(crate) marked: bool,
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

/// What is in `places`, in their order.
pub(crate) fn candidates<'a>(
    credentials: &'a Credentials,
    places: &'a [TokenPlace],
) -> impl Iterator<Item = Candidate<'a>> {
    places
        .iter()
        .filter_map(|place| candidate(credentials, *place))
}

/// What is in a place, if there is anything.
pub(crate) fn candidate(credentials: &Credentials, place: TokenPlace) -> Option<Candidate<'_>> {
    let text = place.secret(credentials)?.expose();
    let (scheme, rest) = text.split_once(' ').unwrap_or(("", text));
    let marked = scheme.eq_ignore_ascii_case("Bearer");
    let text = if marked { rest.trim() } else { text };
    Some(Candidate {
        place,
        text,
        marked,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_looked_at_in_the_order_given() {
        let credentials = Credentials {
            password: Some(Secret::new("Bearer a.b.c")),
            token: Some(Secret::new("bEARER  d.e.f ")),
            jwt: Some(Secret::new("Bear er")),
            ..Credentials::default()
        };
        let found = |places: &[TokenPlace]| -> Vec<(String, bool)> {
            candidates(&credentials, places)
                .map(|candidate| (candidate.text.to_owned(), candidate.marked))
                .collect()
        };
        let [password, token, jwt] = [
            ("a.b.c".to_owned(), true),
            ("d.e.f".to_owned(), true),
            ("Bear er".to_owned(), false),
        ];
        assert_eq!(
            found(&TokenPlace::ALL),
            [password, token.clone(), jwt.clone()]
        );
        assert_eq!(found(&[TokenPlace::Jwt, TokenPlace::Token]), [jwt, token]);
        assert_eq!(found(&[]), []);
        assert_eq!(
            candidates(&Credentials::default(), &TokenPlace::ALL).count(),
            0
        );
    }
}
