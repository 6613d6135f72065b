//! The client's identity, and the secrets that it presented.

use super::{Facts, Request, questions};
use crate::HashError;

/// The method by which a client authenticates: the strongest of what it presented.
///
/// A password or a token takes precedence over a user JWT: in operator mode that JWT is the
/// sentinel, which every client has.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Method {
    /// User name and password, or either of them.
    Password,
    /// A bare token (`auth_token`).
    Token,
    /// An nkey with a signature.
    Nkey,
    /// A user JWT.
    Jwt,
    /// A token of an identity provider (`OpenID` Connect, OAuth 2, Kubernetes) that the host
    /// verified, presented in any field.
    Oidc,
    /// A TLS certificate alone, which the server verified.
    Certificate,
    /// No credentials.
    None,
    /// A method that this version of the SDK does not know, by the host's name for it.
    Other(String),
}

/// The degree to which an identity is proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Strength {
    /// An identity without proof, or a degree that this version of the SDK does not know.
    Claimed,
    /// An identity that the host has verified; for a certificate, the server has.
    Proved,
}

/// The secrets that a client presented, in the clear.
///
/// Only a policy with the grant `secrets` in its settings file may use them. Never log what these
/// methods return.
#[derive(Clone, Copy, Debug)]
pub struct Secrets<'request> {
    pub(super) facts: &'request Facts,
}

impl Request {
    questions! { identity:
        /// Returns the user name that the client gave. The name is a claim until a password
        /// matches.
        username -> Option<String>;
        /// Returns the public nkey (`U…`) that the client has proved to hold, by a signature over
        /// the server's nonce that the host verified.
        ///
        /// The key is the nkey that the client presented, else the subject of its user JWT,
        /// regardless of who signed the JWT.
        nkey -> Option<String>;
        /// Returns who the client is by [`method`](Self::method).
        ///
        /// The principal is the user name, the configured claim of a token, the nkey, or the SPIFFE
        /// id or else the subject of a certificate. [`strength`](Self::strength) says whether it is
        /// proved.
        principal -> Option<String>;
        /// Returns who vouches for the principal: the `iss` of a token, the account of a user JWT,
        /// or the issuer of a certificate.
        issuer -> Option<String>;
        /// Returns when the client's credentials expire, in seconds since the Unix epoch. The host
        /// bounds the login by this time itself.
        expires_at -> Option<u64>;
        /// Returns the names of the top-level claims; empty without a verified token or user JWT.
        claim_names -> Vec<String>;
        /// Returns the groups and roles, from the claims that the operator configured for the
        /// token's issuer, in the order of the token.
        groups -> Vec<String>;
        /// Returns the tags of a user JWT whose issuer the host trusts.
        tags -> Vec<String>;
        /// Returns the role of a user JWT that a scoped signing key of its account signed; `None`
        /// for other keys and methods.
        ///
        /// The holder of that key chose the subject, tags and claims. The host believes them
        /// because the operator lists the role.
        role -> Option<String>;
    }

    /// Returns to which degree the [`principal`](Self::principal) is proved.
    pub fn strength(&self) -> Strength {
        #[cfg(target_arch = "wasm32")]
        let strength = crate::host::identity::strength();
        #[cfg(not(target_arch = "wasm32"))]
        let strength = self.facts.strength();
        match strength.as_str() {
            "proved" => Strength::Proved,
            _ => Strength::Claimed,
        }
    }

    /// Returns whether one of `issuers` vouches for the principal; always `true` if `issuers` is
    /// empty.
    ///
    /// ```
    /// use portcullis_sdk::Request;
    ///
    /// let request = Request::builder().issuer("https://id.example").build();
    /// assert!(request.is_vouched_for_by(&[]));
    /// assert!(request.is_vouched_for_by(&["https://id.example".to_owned()]));
    /// assert!(!request.is_vouched_for_by(&["https://other.example".to_owned()]));
    /// ```
    pub fn is_vouched_for_by(&self, issuers: &[String]) -> bool {
        issuers.is_empty()
            || self
                .issuer()
                .is_some_and(|issuer| issuers.contains(&issuer))
    }

    /// Returns the values at `path` of a verified token or user JWT, as texts.
    ///
    /// A text, a number or a truth value gives one text. An array gives one for each of these that
    /// it holds, in their order. Everything else gives none.
    ///
    /// A path is the literal name of a claim. If no claim has that name, it is names with dots
    /// between them. With a slash in front, it is a JSON pointer (RFC 6901).
    ///
    /// ```
    /// use portcullis_sdk::Request;
    ///
    /// let request = Request::builder()
    ///     .claims(r#"{ "realm_access": { "roles": ["reader", "writer"] } }"#)
    ///     .build();
    /// assert_eq!(request.claim("realm_access.roles"), ["reader", "writer"]);
    /// ```
    pub fn claim(&self, path: &str) -> Vec<String> {
        #[cfg(target_arch = "wasm32")]
        {
            crate::host::identity::claim(path)
        }
        #[cfg(not(target_arch = "wasm32"))]
        {
            self.facts.claim(path)
        }
    }

    /// Returns the value at `path` of a verified token or user JWT, as JSON; `None` if the path has
    /// no value.
    pub fn claim_json(&self, path: &str) -> Option<String> {
        #[cfg(target_arch = "wasm32")]
        {
            crate::host::identity::claim_json(path)
        }
        #[cfg(not(target_arch = "wasm32"))]
        {
            self.facts.claim_json(path)
        }
    }

    /// Returns the names of the members of the object at `path` of a verified token or user JWT, in
    /// alphabetical order; empty for other values.
    ///
    /// ```
    /// use portcullis_sdk::Request;
    ///
    /// let request = Request::builder()
    ///     .claims(r#"{ "urn:roles": { "admin": { "1": "example.com" } } }"#)
    ///     .build();
    /// assert_eq!(request.claim_members("urn:roles"), ["admin"]);
    /// ```
    pub fn claim_members(&self, path: &str) -> Vec<String> {
        #[cfg(target_arch = "wasm32")]
        {
            crate::host::identity::claim_members(path)
        }
        #[cfg(not(target_arch = "wasm32"))]
        {
            self.facts.claim_members(path)
        }
    }

    /// Returns the method by which the client authenticates.
    pub fn method(&self) -> Method {
        #[cfg(target_arch = "wasm32")]
        {
            Method::from_name(crate::host::identity::method())
        }
        #[cfg(not(target_arch = "wasm32"))]
        {
            Method::from_name(self.facts.method().to_owned())
        }
    }

    /// Returns whether the client's password matches `hash`; `false` if the client sent no
    /// password.
    ///
    /// The forms are a PHC string (argon2id, argon2i, argon2d, scrypt), a bcrypt string (`$2b$…`),
    /// or `plain:` followed by the password itself. The host computes the hash; that time does not
    /// count against the policy's deadline.
    ///
    /// A native test compares `plain:` forms. Other hashes match if the test gave them to
    /// [`RequestBuilder::password_matches`](crate::testing::RequestBuilder::password_matches).
    ///
    /// # Errors
    ///
    /// Fails if the hash is malformed; the policy should deny the login then. If the request's
    /// deadline leaves no time to compute the hash, the host ends the decision and denies the
    /// login.
    pub fn password_matches(&self, hash: &str) -> Result<bool, HashError> {
        #[cfg(target_arch = "wasm32")]
        {
            crate::host::identity::password_matches(hash).map_err(HashError::new)
        }
        #[cfg(not(target_arch = "wasm32"))]
        {
            self.facts.password_matches(hash)
        }
    }

    /// Returns whether the client's token matches `hash`; `false` if the client sent no token.
    ///
    /// The forms are those of [`password_matches`](Self::password_matches), or `sha256:` followed
    /// by 64 hexadecimal digits, which suits long random tokens.
    ///
    /// # Errors
    ///
    /// Fails if [`password_matches`](Self::password_matches) would.
    pub fn token_matches(&self, hash: &str) -> Result<bool, HashError> {
        #[cfg(target_arch = "wasm32")]
        {
            crate::host::identity::token_matches(hash).map_err(HashError::new)
        }
        #[cfg(not(target_arch = "wasm32"))]
        {
            self.facts.token_matches(hash)
        }
    }
}

impl Secrets<'_> {
    questions! { secrets:
        /// Returns the password.
        password -> Option<String>;
        /// Returns the token (`auth_token`).
        token -> Option<String>;
        /// Returns the user JWT.
        jwt -> Option<String>;
    }
}

impl Method {
    fn from_name(name: String) -> Self {
        match name.as_str() {
            "password" => Self::Password,
            "token" => Self::Token,
            "nkey" => Self::Nkey,
            "jwt" => Self::Jwt,
            "oidc" => Self::Oidc,
            "certificate" => Self::Certificate,
            "none" => Self::None,
            _ => Self::Other(name),
        }
    }
}
