//! The client's identity, and the secrets that it presented.

use serde::de::DeserializeOwned;

use super::Request;
use super::claim::{self, ClaimError};
use super::questions::questions;
use crate::hash::HashError;
use crate::names::Method;

/// The degree to which an identity is proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Strength {
    /// An identity without proof, or a degree that this version of the SDK does not know.
    Claimed,
    /// An identity that the host has verified; for a certificate, the server has.
    Proved,
}

impl Request {
    questions! { identity:
        /// Returns the user name that the client gave. The name is a claim until a password
        /// matches.
        username -> Option<String>
            => [username("alice")] request.username().as_deref(), Some("alice");
        /// Returns the public nkey (`U…`) that the client has proved to hold, by a signature over
        /// the server's nonce that the host verified.
        ///
        /// The key is the nkey that the client presented, else the subject of its user JWT,
        /// regardless of who signed the JWT.
        nkey -> Option<String> => [nkey("UAAA")] request.nkey().as_deref(), Some("UAAA");
        /// Returns who the client is by [`method`](Self::method).
        ///
        /// The principal is the user name, the configured claim of a token, the nkey, or the SPIFFE
        /// id or else the subject of a certificate. [`strength`](Self::strength) says whether it is
        /// proved.
        principal -> Option<String>
            => [oidc("https://id.example", r#"{ "sub": "7" }"#)] request.principal().as_deref(), Some("7");
        /// Returns who vouches for the principal: the `iss` of a token, the account of a user JWT,
        /// or the issuer of a certificate.
        issuer -> Option<String>
            => [oidc("https://id.example", "{}")] request.issuer().as_deref(), Some("https://id.example");
        /// Returns when the client's credentials expire, in seconds since the Unix epoch. The host
        /// bounds the login by this time itself.
        expires_at -> Option<u64>
            => [expires_at(1_800_000_000)] request.expires_at(), Some(1_800_000_000);
        /// Returns the names of the top-level claims; empty without a verified token or user JWT.
        claim_names -> Vec<String>
            => [claims(r#"{ "sub": "7", "scope": "a" }"#)] request.claim_names(), ["scope", "sub"];
        /// Returns the groups and roles, from the claims that the operator configured for the
        /// token's issuer, in the order of the configured paths and of their values, each once.
        groups -> Vec<String> => [groups(["ops"])] request.groups(), ["ops"];
        /// Returns the tags of a user JWT whose issuer the host trusts.
        tags -> Vec<String> => [tags(["team:a"])] request.tags(), ["team:a"];
        /// Returns the role of a user JWT that a scoped signing key of its account signed; `None`
        /// for other keys and methods.
        ///
        /// The holder of that key chose the subject, tags and claims. The host believes them
        /// because the operator lists the role.
        role -> Option<String> => [role("reader")] request.role().as_deref(), Some("reader");
    }

    /// Returns to which degree the [`principal`](Self::principal) is proved.
    ///
    /// [`Strength::Proved`] says that the client is the principal, and not that an operator knows
    /// the principal: a client can make an nkey, or a user JWT without a trusted account, itself.
    /// Compare the principal or the [`issuer`](Self::issuer) as well.
    ///
    /// ```
    /// use portcullis_sdk::{Request, Strength};
    ///
    /// let request = Request::builder().username("alice").build();
    /// assert_eq!(request.strength(), Strength::Claimed);
    /// ```
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

    /// Returns whether one of `issuers` vouches for the principal; `false` if `issuers` is empty.
    ///
    /// A policy that trusts every issuer of the host does not call this method.
    ///
    /// ```
    /// use portcullis_sdk::Request;
    ///
    /// let request = Request::builder().issuer("https://id.example").build();
    /// assert!(request.is_vouched_for_by(["https://id.example"]));
    /// assert!(!request.is_vouched_for_by(["https://other.example"]));
    /// assert!(!request.is_vouched_for_by([""; 0]));
    /// ```
    pub fn is_vouched_for_by(&self, issuers: impl IntoIterator<Item = impl AsRef<str>>) -> bool {
        let Some(known) = self.issuer() else {
            return false;
        };
        issuers.into_iter().any(|issuer| issuer.as_ref() == known)
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
    /// assert_eq!(request.claim_values("realm_access.roles"), ["reader", "writer"]);
    /// ```
    pub fn claim_values(&self, path: &str) -> Vec<String> {
        #[cfg(target_arch = "wasm32")]
        {
            crate::host::identity::claim(path)
        }
        #[cfg(not(target_arch = "wasm32"))]
        {
            self.facts.claim_values(path)
        }
    }

    /// Returns the value at `path` of a verified token or user JWT, as any type that serde can
    /// deserialize; `None` if the path has no value.
    ///
    /// A path is one of [`claim_values`](Self::claim_values).
    ///
    /// # Errors
    ///
    /// Fails if the value does not have the form of the type, or if the type has a
    /// [`Subject`](crate::Subject) in it: what a token says is data, which
    /// [`subject!`](crate::subject!) puts into a subject. A policy denies the login then, and does
    /// not take the claim for absent.
    ///
    /// ```
    /// use portcullis_sdk::Request;
    ///
    /// #[derive(serde::Deserialize)]
    /// struct Tenant {
    ///     name: String,
    ///     seats: u32,
    /// }
    ///
    /// let request = Request::builder()
    ///     .claims(r#"{ "tenant": { "name": "acme", "seats": 5 } }"#)
    ///     .build();
    /// let tenant: Tenant = request.claim("tenant")?.unwrap();
    /// assert_eq!((tenant.name.as_str(), tenant.seats), ("acme", 5));
    /// assert_eq!(request.claim::<u32>("seats"), Ok(None));
    /// assert!(request.claim::<u32>("tenant").is_err());
    /// # Ok::<(), portcullis_sdk::ClaimError>(())
    /// ```
    pub fn claim<T: DeserializeOwned>(&self, path: &str) -> Result<Option<T>, ClaimError> {
        let Some(json) = self.claim_json(path) else {
            return Ok(None);
        };
        claim::deserialize(path, &json).map(Some)
    }

    /// Returns the value at `path` of a verified token or user JWT, as JSON; `None` if the path has
    /// no value.
    ///
    /// ```
    /// use portcullis_sdk::Request;
    ///
    /// let request = Request::builder().claims(r#"{ "act": { "sub": "7" } }"#).build();
    /// assert_eq!(request.claim_json("act").as_deref(), Some(r#"{"sub":"7"}"#));
    /// ```
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
    ///
    /// ```
    /// use portcullis_sdk::{Method, Request};
    ///
    /// let request = Request::builder().token("secret").build();
    /// assert_eq!(request.method(), Method::Token);
    /// ```
    pub fn method(&self) -> Method {
        #[cfg(target_arch = "wasm32")]
        {
            Method::from(crate::host::identity::method())
        }
        #[cfg(not(target_arch = "wasm32"))]
        {
            self.facts.method()
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
    ///
    /// ```
    /// use portcullis_sdk::Request;
    ///
    /// let request = Request::builder().username("alice").password("secret").build();
    /// assert_eq!(request.password_matches("plain:secret"), Ok(true));
    /// assert!(request.password_matches("no hash").is_err());
    /// ```
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
    ///
    /// ```
    /// use portcullis_sdk::Request;
    ///
    /// let request = Request::builder().token("secret").build();
    /// assert_eq!(request.token_matches("plain:secret"), Ok(true));
    /// ```
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
