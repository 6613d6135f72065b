//! The kinds of names that identify workloads.

use std::fmt;

use portcullis_sdk::Request;

use crate::proof::Proof;
use crate::settings::Rule;

/// The kind of name that a rule matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Spiffe,
    Uri,
    Dns,
    Email,
    Subject,
    Fingerprint,
    ServiceAccount,
}

impl Kind {
    /// Returns the patterns of a rule with their kinds. A valid rule has one.
    pub(crate) fn patterns(rule: &Rule) -> Vec<(Self, &str)> {
        let patterns = [
            (Self::Spiffe, &rule.spiffe),
            (Self::Uri, &rule.uri),
            (Self::Dns, &rule.dns),
            (Self::Email, &rule.email),
            (Self::Subject, &rule.subject),
            (Self::Fingerprint, &rule.fingerprint),
            (Self::ServiceAccount, &rule.service_account),
        ];
        let set = patterns
            .into_iter()
            .filter_map(|(kind, text)| Some((kind, text.as_deref()?)));
        set.collect()
    }

    /// Returns the names of this kind that a login has proved. Call this for a certificate only if
    /// the server has verified it.
    pub(crate) fn names(self, request: &Request, proof: &Proof) -> Vec<String> {
        let certificate = request.certificate();
        match self {
            Self::Spiffe => match proof {
                Proof::Token { issuer } => spiffe_id(request, issuer),
                Proof::Certificate => certificate.spiffe_id().into_iter().collect(),
            },
            Self::Uri => certificate.uri_names(),
            Self::Dns => certificate.dns_names(),
            Self::Email => certificate.email_names(),
            Self::Subject => certificate.subject().into_iter().collect(),
            Self::Fingerprint => certificate.fingerprint().into_iter().collect(),
            Self::ServiceAccount => service_account(request).into_iter().collect(),
        }
    }
}

impl fmt::Display for Kind {
    /// Writes the key in the settings.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Spiffe => "spiffe",
            Self::Uri => "uri",
            Self::Dns => "dns",
            Self::Email => "email",
            Self::Subject => "subject",
            Self::Fingerprint => "fingerprint",
            Self::ServiceAccount => "service-account",
        })
    }
}

/// Returns the subject of a JWT-SVID, if it is in the trust domain. The host enforces the trust
/// domain too.
fn spiffe_id(request: &Request, trust_domain: &str) -> Vec<String> {
    let mut ids = request.claim_values("sub");
    ids.retain(|id| {
        id.strip_prefix(trust_domain)
            .is_some_and(|path| path.starts_with('/'))
    });
    ids
}

/// Returns `namespace/name` from the claims of a Kubernetes token and its subject; `None` if
/// they differ.
fn service_account(request: &Request) -> Option<String> {
    let subject = request.claim_values("sub");
    let of_subject = match subject.as_slice() {
        [subject] => subject
            .strip_prefix("system:serviceaccount:")
            .and_then(|names| names.split_once(':')),
        _ => None,
    };
    let namespace = request.claim_values("/kubernetes.io/namespace");
    let name = request.claim_values("/kubernetes.io/serviceaccount/name");
    let (namespace, name) = match (namespace.as_slice(), name.as_slice(), of_subject) {
        ([], [], of_subject) => of_subject?,
        ([namespace], [name], None) if subject.is_empty() => (namespace.as_str(), name.as_str()),
        ([namespace], [name], Some(of_subject)) if of_subject == (namespace, name) => of_subject,
        _ => return None,
    };
    let is_name = |text: &str| !text.is_empty() && !text.contains(['/', ':']);
    (is_name(namespace) && is_name(name)).then(|| format!("{namespace}/{name}"))
}
