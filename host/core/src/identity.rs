//! Who is asking: one form for everything that a client can present.

mod claims;

pub use claims::Claims;

use crate::{Credentials, Method};

/// Who is asking, as far as the host could tell before any policy ran.
///
/// `docs/reference/identity.md` says which facts prove each field, method by method.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Identity {
    /// Who the client is, or says it is: the user name, the claim of a token, the nkey, the name in a certificate.
    pub principal: Option<String>,
    /// What the principal rests on.
    pub method: Method,
    /// How far to believe it.
    pub strength: Strength,
    /// Who vouches for the principal: the `iss` of a token, the account of a user JWT, the issuer of a certificate.
    pub issuer: Option<String>,
    /// When what was presented ends, in seconds since the Unix epoch. No login outlasts it.
    pub expires_at: Option<u64>,
    /// The claims of a token or user JWT whose signature was verified; empty otherwise.
    pub claims: Claims,
    /// Groups and roles, from the claim paths that the issuer is configured with, in the order of the paths and of their values.
    pub groups: Vec<String>,
    /// The tags of a user JWT whose issuer is trusted.
    pub tags: Vec<String>,
    /// The role of the scoped signing key that signed the user JWT, if the host trusts that role; absent if the account itself or
    /// one of its plain signing keys did.
    pub role: Option<String>,
    /// The public nkey (`U…`) that the client has proved to hold by a signature over the server's nonce.
    pub nkey: Option<String>,
    /// The client's TLS certificate.
    pub certificate: Option<Certificate>,
}

impl Identity {
    /// What `credentials` say by themselves, nothing of it proved.
    pub fn claimed(credentials: &Credentials) -> Self {
        let method = credentials.method();
        let principal = match method {
            Method::Password => credentials.username.clone(),
            Method::Nkey => credentials.nkey.clone(),
            _ => None,
        };
        Self {
            principal,
            method,
            ..Self::default()
        }
    }
}

/// How far an identity is to be believed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strength {
    /// Nobody has proved anything: a user name and a password that nobody has looked at.
    #[default]
    Claimed,
    /// The host has verified it, or the server has and says so.
    Proved,
}

impl Strength {
    /// The name policies and logs use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Claimed => "claimed",
            Self::Proved => "proved",
        }
    }
}

/// A TLS client certificate: the leaf of the first chain. Whoever presents it has proved to hold its key; what it says is
/// proved only if the server verified the chain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Certificate {
    /// Whether the server verified the chain.
    pub verified: bool,
    /// The subject as RFC 2253 (and RFC 4514 after it) writes it, the most specific part first.
    pub subject: String,
    /// The issuer, written so too.
    pub issuer: String,
    /// The serial number in lower-case hexadecimal digits, without leading zeros.
    pub serial: String,
    /// The SHA-256 digest of the certificate's DER form: 64 lower-case hexadecimal digits.
    pub fingerprint: String,
    /// The DNS names among the subject's alternative names.
    pub dns_names: Vec<String>,
    /// The URIs among them.
    pub uri_names: Vec<String>,
    /// The e-mail addresses among them.
    pub email_names: Vec<String>,
    /// The IP addresses among them.
    pub ip_names: Vec<String>,
    /// The SPIFFE id: the one URI of the certificate, if it is one (SPIFFE X.509-SVID, section 2).
    pub spiffe_id: Option<String>,
    /// When it begins to be valid, in seconds since the Unix epoch.
    pub not_before: u64,
    /// When it ceases to be.
    pub not_after: u64,
}
