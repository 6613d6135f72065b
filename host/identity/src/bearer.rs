//! The fields of a login that carry bearer tokens.

use portcullis_core::{Credentials, Secret};

use crate::oidc::{Shape, shape};

/// The scheme of HTTP that some clients write before a token (RFC 6750, section 2.1).
const SCHEME: &str = "Bearer";

/// A field of a login that can carry a bearer token. NATS clients differ in the fields that they
/// can set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenPlace {
    /// The password.
    Password,
    /// The bare token (`auth_token`).
    Token,
    /// The user JWT. In config mode, servers discard this field, except for an MQTT client's
    /// password that is a user JWT.
    Jwt,
}

/// The bearer token that a login presents.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Presented<'a> {
    pub(crate) place: TokenPlace,
    /// Token without `Bearer ` and surrounding white space.
    pub(crate) text: &'a str,
    /// Reason why the text is not a signed token, although it looks like a token or the client
    /// marks it as one. `None` if it has the form of a signed token.
    pub(crate) problem: Option<&'static str>,
}

impl TokenPlace {
    /// All fields, in the default order of the search.
    pub const ALL: [Self; 3] = [Self::Password, Self::Token, Self::Jwt];

    /// Returns the name in configuration and messages.
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

/// The field with the bearer token of a request to the token exchange, as [`bearer_credentials`]
/// fills it.
pub(crate) const BEARER_PLACES: &[TokenPlace] = &[TokenPlace::Token];

/// Returns the credentials of a request over HTTP that presents `bearer` and nothing else. A NATS
/// user JWT takes its own field. Every other text is a token.
pub fn bearer_credentials(bearer: Secret) -> Credentials {
    match shape(bearer.expose()) {
        Shape::Nats => Credentials {
            jwt: Some(bearer),
            ..Credentials::default()
        },
        Shape::Signed | Shape::Broken(_) | Shape::Other => Credentials {
            token: Some(bearer),
            ..Credentials::default()
        },
    }
}

/// Returns a text without surrounding white space and a leading `Bearer `, and whether `Bearer `
/// was present.
pub(crate) fn unmarked(text: &str) -> (&str, bool) {
    let text = text.trim();
    // Reads the beginning only: tokens are long, and each login with one comes here several times.
    match text.split_at_checked(SCHEME.len()) {
        Some((scheme, rest))
            if scheme.eq_ignore_ascii_case(SCHEME) && rest.starts_with(char::is_whitespace) =>
        {
            (rest.trim_start(), true)
        }
        _ => (text, false),
    }
}

/// Returns the first of `places` that has the form of a token or is marked as one. `None` if there
/// is no such place. Verifies nothing.
pub(crate) fn presented<'a>(
    credentials: &'a Credentials,
    places: &[TokenPlace],
) -> Option<Presented<'a>> {
    places.iter().find_map(|&place| {
        let (text, is_marked) = unmarked(place.secret(credentials)?.expose());
        let problem = match shape(text) {
            Shape::Signed => None,
            Shape::Broken(problem) => Some(problem),
            Shape::Other if is_marked => Some("opaque tokens cannot be verified"),
            Shape::Nats | Shape::Other => return None,
        };
        Some(Presented {
            place,
            text,
            problem,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A header and an arbitrary payload, without a valid signature.
    const SIGNED: &str = "eyJhbGciOiJFUzI1NiJ9.e30.AA";

    #[test]
    fn a_user_jwt_over_http_takes_its_own_field() {
        let nats = "eyJ0eXAiOiJKV1QiLCJhbGciOiJlZDI1NTE5LW5rZXkifQ.e30.AA";
        let fields = |text: &str| {
            let credentials = bearer_credentials(Secret::new(text));
            (credentials.jwt.is_some(), credentials.token.is_some())
        };
        assert_eq!(fields(nats), (true, false));
        for token in [SIGNED, "hunter2", "eyJhbGciOiJFUzI1NiJ9"] {
            assert_eq!(fields(token), (false, true), "{token}");
        }
    }

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
            Some((presented.place, presented.text, presented.problem.is_none()))
        };
        let password = Some((TokenPlace::Password, "a.b.c", false));
        let token = Some((TokenPlace::Token, SIGNED, true));
        assert_eq!(found(&TokenPlace::ALL), password);
        assert_eq!(found(&[TokenPlace::Jwt, TokenPlace::Token]), token);
        assert_eq!(found(&[TokenPlace::Jwt]), None, "neither");
        assert_eq!(found(&[]), None);
        assert_eq!(presented(&Credentials::default(), &TokenPlace::ALL), None);
    }

    #[test]
    fn a_scheme_is_a_word_of_its_own() {
        for (text, expected) in [
            ("Bearer a", ("a", true)),
            ("  bEARER \t\u{a0}a b ", ("a b", true)),
            ("Bearer", ("Bearer", false)),
            ("Bearer ", ("Bearer", false)),
            ("Bearera", ("Bearera", false)),
            ("Basic a", ("Basic a", false)),
            ("Béarer a", ("Béarer a", false)),
            ("Beareré", ("Beareré", false)),
            ("a", ("a", false)),
            (" ", ("", false)),
        ] {
            assert_eq!(unmarked(text), expected, "{text:?}");
        }
    }

    #[test]
    fn white_space_and_a_scheme_change_nothing() {
        let jwe = "eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZHQ00ifQ.a.b.c.d";
        let nats = "eyJ0eXAiOiJKV1QiLCJhbGciOiJlZDI1NTE5LW5rZXkifQ.e30.AA";
        for place in TokenPlace::ALL {
            let found = |text: &str| {
                let secret = Some(Secret::new(text));
                let credentials = match place {
                    TokenPlace::Password => Credentials {
                        password: secret,
                        ..Credentials::default()
                    },
                    TokenPlace::Token => Credentials {
                        token: secret,
                        ..Credentials::default()
                    },
                    TokenPlace::Jwt => Credentials {
                        jwt: secret,
                        ..Credentials::default()
                    },
                };
                presented(&credentials, &TokenPlace::ALL).map(|presented| {
                    (
                        presented.text.to_owned(),
                        presented.problem.unwrap_or_default(),
                    )
                })
            };
            for (before, after) in [
                ("", ""),
                ("", "\n"),
                ("", "\r\n"),
                (" \t", "  \n"),
                ("Bearer ", ""),
                ("bearer\t", "\n"),
                ("\nBEARER  ", ""),
            ] {
                let text = format!("{before}{SIGNED}{after}");
                assert_eq!(found(&text), Some((SIGNED.to_owned(), "")), "{text:?}");
                let text = format!("{before}{jwe}{after}");
                assert!(
                    found(&text).unwrap().1.contains("encrypted (a JWE)"),
                    "{text:?}"
                );
                assert_eq!(found(&format!("{before}{nats}{after}")), None, "{before:?}");
            }
            let broken = |text: &str| found(text).map(|(_, problem)| problem);
            let (cut, _) = SIGNED.rsplit_once('.').unwrap();
            for (text, problem) in [
                (cut.to_owned(), "it does not have three parts"),
                (format!("\"{SIGNED}\""), "quotes around it"),
                (SIGNED.replace('.', ".\n"), "white space inside it"),
                (format!("{SIGNED}=="), "not base64url"),
                (SIGNED.replace("e30", ""), "its claims are missing"),
                (format!("{{\"access_token\":\"{SIGNED}\"}}"), "it is JSON"),
            ] {
                let found = broken(&text);
                assert!(
                    found.is_some_and(|found| found.contains(problem)),
                    "{text:?} {found:?}"
                );
            }
            // Another program's JSON and dots: `{"user":1}`.
            assert_eq!(broken("eyJ1c2VyIjoxfQ.ZxY.c2ln"), None);
            assert_eq!(broken("hunter2"), None);
        }
    }
}
