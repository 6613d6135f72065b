//! What there is to say about an identity provider.

use std::path::PathBuf;
use std::time::Duration;

use url::Url;

use super::TokenAlgorithm;
use super::fetch::is_local;

/// One identity provider whose tokens are believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuerOptions {
    /// The operator's name for it.
    pub name: String,
    /// Its `iss`, exactly as it stands in tokens; for a SPIFFE trust domain `spiffe://` and its name.
    pub issuer: String,
    /// Whom its tokens are meant for: one of these has to be in `aud`. Empty: `aud` is not looked at, and a token that the
    /// issuer made for any other service opens this one too.
    pub audiences: Vec<String>,
    /// Where its keys are.
    pub keys: KeySource,
    /// The algorithms that its tokens may be signed with.
    pub algorithms: Vec<TokenAlgorithm>,
    /// The values of the header's `typ` that are accepted (`at+jwt`), in any case and with or without `application/`. Empty: it is
    /// not looked at.
    pub token_types: Vec<String>,
    /// How far the issuer's clock and ours may be apart, for `exp`, `nbf` and `iat`.
    pub leeway: Duration,
    /// How long ago `iat` may be; none for as long as `exp` allows. `exp` is always asked for, `iat` only here.
    pub max_age: Option<Duration>,
    /// What else has to be in a token.
    pub required_claims: Vec<RequiredClaim>,
    /// How long keys are used before they are fetched again. Files are looked at every second.
    pub refresh: Duration,
    /// How long nothing is fetched because of a key that is not known, after that has been done once. Also how long to wait after a
    /// failed fetch.
    pub cool_down: Duration,
    /// How long one request to the issuer may take, from the connection to the last byte.
    pub timeout: Duration,
    /// The longest document that is read, in bytes.
    pub max_bytes: usize,
    /// PEM certificates to trust in place of the system's; read before each fetch.
    pub ca_file: Option<PathBuf>,
    /// A bearer token to fetch with; read before each fetch. Only the origin of the URL that is configured gets it.
    pub bearer_token_file: Option<PathBuf>,
    /// Whether keys may come over plain HTTP from elsewhere than this machine. Who can change what comes can sign any token.
    pub allow_http: bool,
    /// The claim paths of the principal; the first that holds one text counts.
    pub principal: Vec<String>,
    /// The claim paths of groups and roles.
    pub groups: Vec<GroupPath>,
}

/// Where an issuer's keys are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// Where the issuer's configuration says (`OpenID` Connect Discovery 1.0; RFC 8414): at this URL, or if none is given at the
    /// issuer followed by `/.well-known/openid-configuration`.
    Discovery(Option<Url>),
    /// At this URL.
    Jwks(Url),
    /// In this file, for use without a network.
    File(PathBuf),
}

/// A claim that a token must have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequiredClaim {
    /// Its path, as [`portcullis_core::Claims`] reads it.
    pub path: String,
    /// The values, one of which it has to have. Empty: any.
    pub values: Vec<String>,
}

/// Where groups or roles are found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupPath {
    /// The path, as [`portcullis_core::Claims`] reads it.
    pub path: String,
    /// Whether each text there is a list with spaces between, as `scope` is (RFC 6749, section 3.3).
    pub spaces: bool,
}

impl IssuerOptions {
    /// An issuer with the defaults for everything else: keys by discovery, every algorithm, 30 seconds of leeway, keys fetched
    /// every 10 minutes, 30 seconds between fetches for unknown keys, 5 seconds and 256 KiB for each.
    pub fn new(name: impl Into<String>, issuer: impl Into<String>) -> Self {
        let group = |path: &str, spaces| GroupPath {
            path: path.to_owned(),
            spaces,
        };
        Self {
            name: name.into(),
            issuer: issuer.into(),
            audiences: Vec::new(),
            keys: KeySource::Discovery(None),
            algorithms: TokenAlgorithm::ALL.to_vec(),
            token_types: Vec::new(),
            leeway: Duration::from_secs(30),
            max_age: None,
            required_claims: Vec::new(),
            refresh: Duration::from_mins(10),
            cool_down: Duration::from_secs(30),
            timeout: Duration::from_secs(5),
            max_bytes: 256 * 1024,
            ca_file: None,
            bearer_token_file: None,
            allow_http: false,
            principal: vec!["sub".to_owned()],
            groups: vec![
                group("roles", false),
                group("groups", false),
                group("realm_access.roles", false),
                group("scope", true),
            ],
        }
    }

    /// Whether the issuer is a SPIFFE trust domain (`spiffe://example.org`): its tokens are JWT-SVIDs, which need no `iss`.
    pub fn is_trust_domain(&self) -> bool {
        crate::spiffe::trust_domain(&self.issuer) == Some(self.issuer.as_str())
    }

    /// Whether keys at this address are refused unless [`allow_http`](Self::allow_http) is set: plain HTTP, and not from this machine.
    pub fn needs_allow_http(url: &Url) -> bool {
        url.scheme() == "http" && !is_local(url)
    }
}
