//! The credentials of a client, and the method that they stand for.

use crate::{PresentedNkey, Secret};

/// The credentials that a client presented (`connect_opts`).
#[derive(Clone, Debug, Default)]
pub struct Credentials {
    /// User name.
    pub username: Option<String>,
    /// Password.
    pub password: Option<Secret>,
    /// Bare token (`auth_token`).
    pub token: Option<Secret>,
    /// User JWT.
    pub jwt: Option<Secret>,
    /// Nkey, which may be any text.
    pub nkey: Option<PresentedNkey>,
    /// Signature over the nonce.
    pub signature: Option<Secret>,
}

/// The method by which a client authenticates. Default: [`None`](Self::None).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Method {
    /// User name and password, or either of them.
    Password,
    /// A bare token.
    Token,
    /// A user JWT.
    Jwt,
    /// An nkey with a signature.
    Nkey,
    /// A signed token of an identity provider (`OpenID` Connect, OAuth 2, Kubernetes) that the host
    /// verified, in any field.
    Oidc,
    /// A TLS certificate that the server verified, and nothing else.
    Certificate,
    /// No credentials.
    #[default]
    None,
}

impl Method {
    /// All methods.
    pub const ALL: [Self; 7] = [
        Self::Password,
        Self::Token,
        Self::Jwt,
        Self::Nkey,
        Self::Oidc,
        Self::Certificate,
        Self::None,
    ];

    /// Returns the name that policies and logs use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Token => "token",
            Self::Jwt => "jwt",
            Self::Nkey => "nkey",
            Self::Oidc => "oidc",
            Self::Certificate => "certificate",
            Self::None => "none",
        }
    }
}

impl Credentials {
    /// Returns the strongest method among the presented credentials.
    ///
    /// A password or a token takes precedence over a user JWT. In operator mode, servers refuse a
    /// client without a JWT before auth callout. A JWT next to a password or token is then the
    /// sentinel that all clients share. An MQTT client presents its JWT as its password too; the
    /// method is then the JWT.
    pub fn method(&self) -> Method {
        let password = self.password.as_ref().filter(|_| self.password != self.jwt);
        match (&self.jwt, &self.nkey, &self.token, password) {
            (Some(_), _, Some(_), _) | (None, None, Some(_), _) => Method::Token,
            (Some(_), _, None, Some(_)) => Method::Password,
            (Some(_), _, None, None) => Method::Jwt,
            (None, Some(_), _, _) => Method::Nkey,
            (None, None, None, _) if self.username.is_some() || self.password.is_some() => {
                Method::Password
            }
            (None, None, None, _) => Method::None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credentials(presented: &[&str]) -> Credentials {
        let secret = |name: &str| presented.contains(&name).then(|| Secret::new(name));
        let text = |name: &str| presented.contains(&name).then(|| name.to_owned());
        Credentials {
            username: text("user"),
            password: secret("pass"),
            token: secret("token"),
            jwt: secret("jwt"),
            nkey: text("nkey").map(PresentedNkey::from),
            signature: secret("sig"),
        }
    }

    #[test]
    fn the_strongest_of_what_was_presented_is_the_method() {
        for (presented, method) in [
            (&[][..], Method::None),
            (&["user"], Method::Password),
            (&["user", "pass"], Method::Password),
            (&["token"], Method::Token),
            (&["user", "pass", "token"], Method::Token),
            (&["nkey", "sig", "user", "pass", "token"], Method::Nkey),
            (&["jwt", "sig"], Method::Jwt),
            (&["jwt", "sig", "nkey", "user"], Method::Jwt),
            // The JWT is a sentinel.
            (&["jwt", "user", "pass"], Method::Password),
            (&["jwt", "sig", "pass"], Method::Password),
            (&["jwt", "sig", "token"], Method::Token),
        ] {
            assert_eq!(credentials(presented).method(), method, "{presented:?}");
        }
    }

    #[test]
    fn a_jwt_in_the_place_of_a_password_is_a_jwt() {
        let mut credentials = credentials(&["user", "jwt"]);
        credentials.password = credentials.jwt.clone();
        assert_eq!(credentials.method(), Method::Jwt);
    }
}
