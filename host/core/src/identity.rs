//! The identity of a client, in one form for all kinds of credentials.

mod claims;

pub use claims::Claims;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Credentials, Method, PublicKey};

/// The identity of a client, as far as the host can establish it before any policy runs.
///
/// `docs/reference/identity.md` says which facts prove each field, method by method.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Identity {
    /// The client's name, proved or claimed: the user name, a claim of a token, the nkey, or the
    /// name in a certificate.
    pub principal: Option<String>,
    /// Method that the principal is derived from.
    pub method: Method,
    /// Degree of proof of the principal.
    pub strength: Strength,
    /// The party that vouches for the principal: the `iss` of a token, the account of a user JWT,
    /// the issuer of a certificate.
    pub issuer: Option<String>,
    /// Expiry of the credentials, in seconds since the Unix epoch. No login outlasts it.
    pub expires_at: Option<u64>,
    /// Claims of a token or user JWT whose signature was verified. Empty otherwise.
    pub claims: Claims,
    /// Groups and roles from the issuer's configured claim paths, in the order of the paths and of
    /// their values.
    pub groups: Vec<String>,
    /// Tags of a user JWT whose issuer is trusted.
    pub tags: Vec<String>,
    /// Role of the scoped signing key that signed the user JWT, if the host trusts that role.
    /// `None` if the account itself or one of its plain signing keys signed.
    pub role: Option<String>,
    /// Public nkey (`U…`) whose holder the client has proved to be, by a signature over the
    /// server's nonce.
    pub nkey: Option<PublicKey>,
    /// TLS certificate of the client.
    pub certificate: Option<Certificate>,
}

impl Identity {
    /// Returns what `credentials` claim, without any proof.
    pub fn claimed(credentials: &Credentials) -> Self {
        let method = credentials.method();
        let principal = match method {
            Method::Password => credentials.username.clone(),
            Method::Nkey => {
                let nkey = credentials.nkey.as_ref();
                nkey.map(|nkey| nkey.as_str().to_owned())
            }
            _ => None,
        };
        Self {
            principal,
            method,
            ..Self::default()
        }
    }
}

/// A degree of proof of an identity. Default: [`Claimed`](Self::Claimed).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strength {
    /// Unproved: for example, a user name and a password that no policy has compared.
    #[default]
    Claimed,
    /// Verified by the host, or by the server according to its request.
    Proved,
}

impl Strength {
    /// Returns the name that policies and logs use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Claimed => "claimed",
            Self::Proved => "proved",
        }
    }
}

/// A TLS client certificate: the leaf of the first chain.
///
/// The TLS handshake proves that the client holds the certificate's key. The certificate's content
/// is proved only if the server verified the chain.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default)]
pub struct Certificate {
    /// Whether the server verified the chain.
    pub verified: bool,
    /// SHA-256 digest of the certificate's DER form: 64 lower-case hexadecimal digits.
    pub fingerprint: String,
    /// Subject in the form of RFC 2253 (and its successor RFC 4514), the most specific part first.
    pub subject: String,
    /// Issuer, in the form of RFC 2253.
    pub issuer: String,
    /// Serial number in lower-case hexadecimal digits, without leading zeros.
    pub serial: String,
    /// DNS names among the subject's alternative names.
    pub dns_names: Vec<String>,
    /// URIs among the subject's alternative names.
    pub uri_names: Vec<String>,
    /// E-mail addresses among the subject's alternative names.
    pub email_names: Vec<String>,
    /// IP addresses among the subject's alternative names.
    pub ip_names: Vec<String>,
    /// SPIFFE id: the only URI of the certificate, if that is a SPIFFE id (SPIFFE X.509-SVID,
    /// section 2).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spiffe_id: Option<String>,
    /// Start of the validity, in seconds since the Unix epoch.
    pub not_before: u64,
    /// End of the validity, in seconds since the Unix epoch.
    pub not_after: u64,
}
