//! Who is asking, and the secrets they presented.

use super::{Facts, Request, questions};
use crate::HashError;

/// How a client authenticates: the strongest of what it presented. A password or a token beside a user JWT counts for more
/// than the JWT: in operator mode that is the sentinel everybody has.
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
    /// A token of an identity provider (`OpenID` Connect, OAuth 2, Kubernetes) that the host verified, wherever it was presented.
    Oidc,
    /// Nothing but a TLS certificate, which the server verified.
    Certificate,
    /// Nothing was presented.
    None,
    /// A method this version of the SDK does not know, by the host's name for it.
    Other(String),
}

/// How far an identity is to be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Strength {
    /// Nobody has proved anything, or the host has a word for it that this version of the SDK does not know.
    Claimed,
    /// The host has verified what the principal rests on; for a certificate, the server has.
    Proved,
}

/// The secrets a client presented, in the clear.
///
/// Only a policy with the grant `secrets` in its settings file may ask. Never log what these methods
/// return.
#[derive(Clone, Copy, Debug)]
pub struct Secrets<'request> {
    pub(super) facts: &'request Facts,
}

impl Request {
    questions! { identity:
        /// The user name the client gave. Claimed, not proved, until a password matches.
        username -> Option<String>;
        /// The public nkey (`U…`) that the client has proved to hold, by a signature over the server's nonce that the host
        /// verified: the nkey it presented, else the subject of its user JWT, whoever signed that.
        nkey -> Option<String>;
        /// Who the client is by [`method`](Self::method): the user name, the claim of a token that its issuer is configured with,
        /// the nkey, the SPIFFE id or else the subject of a certificate. [`strength`](Self::strength) says how far to believe it.
        principal -> Option<String>;
        /// Who vouches for the principal: the `iss` of a token, the account of a user JWT, the issuer of a certificate.
        issuer -> Option<String>;
        /// When what the client presented ends, in seconds since the Unix epoch. The host binds the login to it by itself.
        expires_at -> Option<u64>;
        /// The names of the claims at the top; none without a verified token or user JWT.
        claim_names -> Vec<String>;
        /// Groups and roles, from the claims that the token's issuer is configured with, in the order of the token.
        groups -> Vec<String>;
        /// The tags of a user JWT whose issuer the host trusts.
        tags -> Vec<String>;
        /// The role of a user JWT that a scoped signing key of its account signed. The holder of that key chose subject, tags and
        /// claims; the host believes them because the operator lists the role. Absent if the account itself signed.
        role -> Option<String>;
    }

    /// How far to believe the [`principal`](Self::principal).
    pub fn strength(&self) -> Strength {
        #[cfg(target_arch = "wasm32")]
        let strength = crate::bindings::portcullis::policy::identity::strength();
        #[cfg(not(target_arch = "wasm32"))]
        let strength = self.facts.strength();
        match strength.as_str() {
            "proved" => Strength::Proved,
            _ => Strength::Claimed,
        }
    }

    /// Whether one of `issuers` vouches for the principal; anybody's word will do if there are none.
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

    /// What a verified token or user JWT says at `path`, as texts: one for a text, a number or a truth value, one for each of those
    /// in an array, in their order; none for anything else.
    ///
    /// A path is the name of a claim as it stands; if there is no such claim, names with dots between them; or, with a slash in
    /// front, a JSON pointer (RFC 6901).
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
            crate::bindings::portcullis::policy::identity::claim(path)
        }
        #[cfg(not(target_arch = "wasm32"))]
        {
            self.facts.claim(path)
        }
    }

    /// What a verified token or user JWT says at `path`, as JSON; none if there is nothing.
    pub fn claim_json(&self, path: &str) -> Option<String> {
        #[cfg(target_arch = "wasm32")]
        {
            crate::bindings::portcullis::policy::identity::claim_json(path)
        }
        #[cfg(not(target_arch = "wasm32"))]
        {
            self.facts.claim_json(path)
        }
    }

    /// The names of the members of the object at `path` of a verified token or user JWT, in alphabetical order; none for anything else.
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
            crate::bindings::portcullis::policy::identity::claim_members(path)
        }
        #[cfg(not(target_arch = "wasm32"))]
        {
            self.facts.claim_members(path)
        }
    }

    /// How the client authenticates.
    pub fn method(&self) -> Method {
        #[cfg(target_arch = "wasm32")]
        {
            Method::from_name(crate::bindings::portcullis::policy::identity::method())
        }
        #[cfg(not(target_arch = "wasm32"))]
        {
            Method::from_name(self.facts.method().to_owned())
        }
    }

    /// Whether the client's password matches `hash`. False if the client sent no password.
    ///
    /// The forms are a PHC string (argon2id, argon2i, argon2d, scrypt), a bcrypt string (`$2b$…`), or
    /// `plain:` followed by the password itself. The host computes the hash; the time it takes does not
    /// count against the policy's deadline.
    ///
    /// In a native test, `plain:` forms are compared, and of the others those match that were given to
    /// [`RequestBuilder::password_matches`](crate::testing::RequestBuilder::password_matches).
    ///
    /// # Errors
    ///
    /// What is wrong with the hash, which is a reason to refuse the login. Where the request's deadline
    /// leaves no time to compute the hash, the host ends the decision and denies the login.
    pub fn password_matches(&self, hash: &str) -> Result<bool, HashError> {
        #[cfg(target_arch = "wasm32")]
        {
            crate::bindings::portcullis::policy::identity::password_matches(hash)
                .map_err(HashError::new)
        }
        #[cfg(not(target_arch = "wasm32"))]
        {
            self.facts.password_matches(hash)
        }
    }

    /// Whether the client's token matches `hash`. False if the client sent no token.
    ///
    /// The forms are those of [`password_matches`](Self::password_matches), or `sha256:` followed by 64
    /// hexadecimal digits, which suits long random tokens.
    ///
    /// # Errors
    ///
    /// As [`password_matches`](Self::password_matches).
    pub fn token_matches(&self, hash: &str) -> Result<bool, HashError> {
        #[cfg(target_arch = "wasm32")]
        {
            crate::bindings::portcullis::policy::identity::token_matches(hash)
                .map_err(HashError::new)
        }
        #[cfg(not(target_arch = "wasm32"))]
        {
            self.facts.token_matches(hash)
        }
    }
}

impl Secrets<'_> {
    questions! { secrets:
        /// The password.
        password -> Option<String>;
        /// The token (`auth_token`).
        token -> Option<String>;
        /// The user JWT.
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
