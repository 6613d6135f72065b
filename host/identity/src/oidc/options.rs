//! Options of an identity provider.

use std::path::PathBuf;
use std::time::Duration;

use portcullis_core::{Allowed, is_own_host};
use url::Url;

use super::TokenAlgorithm;

/// An identity provider whose tokens are trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuerOptions {
    /// The operator's name for the issuer.
    pub name: String,
    /// The `iss` of the issuer, exactly as in its tokens. For a SPIFFE trust domain, `spiffe://`
    /// and its name.
    pub issuer: String,
    /// Accepted audiences, one of which has to be in `aud`. With `Any`, the default, a token that
    /// the issuer made for any other service is valid here too.
    pub audiences: Allowed<String>,
    /// Source of the issuer's keys. Default: discovery.
    pub keys: KeySource,
    /// Algorithms with which tokens may be signed. Default: all.
    pub algorithms: Vec<TokenAlgorithm>,
    /// Accepted values of the header's `typ` (`at+jwt`), in any case, with or without
    /// `application/`. Default: `Any`.
    pub token_types: Allowed<String>,
    /// Tolerated difference between the issuer's clock and the host's, for `exp`, `nbf` and `iat`.
    /// Default: 30 s.
    pub leeway: Duration,
    /// Maximum age of `iat`. `None` sets no limit apart from `exp`. `exp` is always required, `iat`
    /// only with this limit.
    pub max_age: Option<Duration>,
    /// Further claims that a token must have.
    pub required_claims: Vec<RequiredClaim>,
    /// Interval between fetches of keys. Default: 10 min. Files are checked every second.
    pub refresh: Duration,
    /// Minimum interval between fetches that logins with unknown keys cause, and delay after a
    /// failed fetch. Default: 5 s.
    pub cool_down: Duration,
    /// Time limit of one request to the issuer, from the connection to the last byte. Default: 5 s.
    pub timeout: Duration,
    /// Maximum size of a document, in bytes. Default: 256 KiB.
    pub max_bytes: usize,
    /// File of PEM certificates to trust instead of the system's, read before each fetch.
    pub ca_file: Option<PathBuf>,
    /// File with a bearer token for fetches, read before each fetch. Only the origin of the
    /// configured URL receives the token.
    pub bearer_token_file: Option<PathBuf>,
    /// Whether keys may be fetched over plain HTTP from another machine. A party that can change
    /// the answer can then sign any token.
    pub allow_http: bool,
    /// Whether the host is ready only once it has had keys of the issuer. Default: `false`.
    pub required: bool,
    /// Claim paths of the principal. The first path with exactly one text counts. Default: `sub`.
    pub principal: Vec<String>,
    /// Claim paths of groups and roles. Default: `roles`, `groups`, `realm_access.roles` and
    /// `scope`.
    pub groups: Vec<GroupPath>,
}

/// The source of an issuer's keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// The address in the issuer's configuration (`OpenID` Connect Discovery 1.0; RFC 8414). The
    /// configuration is at this URL or, without one, at the issuer followed by
    /// `/.well-known/openid-configuration`.
    Discovery(Option<Url>),
    /// The key set at this URL.
    Jwks(Url),
    /// The key set in this file, for use without a network.
    File(PathBuf),
}

/// A claim that a token must have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequiredClaim {
    /// Path of the claim, as [`portcullis_core::Claims`] reads it.
    pub path: String,
    /// Values, one of which the claim must have.
    pub values: Allowed<String>,
}

/// The location of groups or roles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupPath {
    /// Path of the claim, as [`portcullis_core::Claims`] reads it.
    pub path: String,
    /// Form in which the claim holds groups.
    pub form: GroupForm,
}

/// The way in which a claim holds groups or roles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupForm {
    /// Each text is one.
    Texts,
    /// Each text is a list separated by spaces, as `scope` is (RFC 6749, section 3.3).
    Spaced,
    /// The name of each member of an object is one, for example in the tokens of Zitadel.
    Members,
}

impl IssuerOptions {
    /// Returns options with the defaults of all fields. In particular, keys come by discovery,
    /// every algorithm is accepted, and `aud` is not checked.
    pub fn new(name: impl Into<String>, issuer: impl Into<String>) -> Self {
        let group = |path: &str, form| GroupPath {
            path: path.to_owned(),
            form,
        };
        Self {
            name: name.into(),
            issuer: issuer.into(),
            audiences: Allowed::Any,
            keys: KeySource::Discovery(None),
            algorithms: TokenAlgorithm::ALL.to_vec(),
            token_types: Allowed::Any,
            leeway: Duration::from_secs(30),
            max_age: None,
            required_claims: Vec::new(),
            refresh: Duration::from_mins(10),
            cool_down: Duration::from_secs(5),
            timeout: Duration::from_secs(5),
            max_bytes: 256 * 1024,
            ca_file: None,
            bearer_token_file: None,
            allow_http: false,
            required: false,
            principal: vec!["sub".to_owned()],
            groups: vec![
                group("roles", GroupForm::Texts),
                group("groups", GroupForm::Texts),
                group("realm_access.roles", GroupForm::Texts),
                group("scope", GroupForm::Spaced),
            ],
        }
    }

    /// Returns whether the issuer is a SPIFFE trust domain (`spiffe://example.org`). Its tokens are
    /// JWT-SVIDs, which need no `iss`.
    pub fn is_trust_domain(&self) -> bool {
        crate::spiffe::trust_domain(&self.issuer) == Some(self.issuer.as_str())
    }

    /// Returns whether keys at this address require [`allow_http`](Self::allow_http): the address
    /// is plain HTTP on another machine.
    pub fn needs_allow_http(url: &Url) -> bool {
        url.scheme() == "http" && !url.host_str().is_some_and(is_own_host)
    }
}
