//! The names that a login has proved.

use portcullis_sdk::{Method, Request};

use crate::rule::Kind;

/// Where a Kubernetes token has its namespace and its service account.
const NAMESPACE: &str = "/kubernetes.io/namespace";
const SERVICE_ACCOUNT: &str = "/kubernetes.io/serviceaccount/name";
/// How the subject of such a token begins.
const SUBJECT: &str = "system:serviceaccount:";

/// One login, and whose tokens name service accounts.
#[derive(Debug)]
pub(crate) struct Login<'a> {
    request: &'a Request,
    kubernetes_issuers: &'a [String],
}

impl<'a> Login<'a> {
    pub(crate) const fn new(request: &'a Request, kubernetes_issuers: &'a [String]) -> Self {
        Self {
            request,
            kubernetes_issuers,
        }
    }

    pub(crate) const fn request(&self) -> &Request {
        self.request
    }

    /// The certificate's; the handshake has proved that the client holds its key.
    pub(crate) fn fingerprint(&self) -> Option<String> {
        self.request.certificate().fingerprint()
    }

    /// The names of a kind. What a certificate says is told by the host only if the server has verified it.
    pub(crate) fn names(&self, kind: Kind) -> Vec<String> {
        let certificate = self.request.certificate();
        match kind {
            Kind::Spiffe => certificate.spiffe_id().into_iter().collect(),
            Kind::Dns => certificate.dns_names(),
            Kind::Uri => certificate.uri_names(),
            Kind::Email => certificate.email_names(),
            Kind::Subject => certificate.subject().into_iter().collect(),
            Kind::ServiceAccount => self.service_account().into_iter().collect(),
        }
    }

    /// `namespace/name`, from the token of a cluster.
    fn service_account(&self) -> Option<String> {
        let issuer = self.request.issuer()?;
        if self.request.method() != Method::Oidc || !self.kubernetes_issuers.contains(&issuer) {
            return None;
        }
        let claim = |path: &str| self.request.first_claim(&[path]);
        if let (Some(namespace), Some(name)) = (claim(NAMESPACE), claim(SERVICE_ACCOUNT)) {
            return Some(format!("{namespace}/{name}"));
        }
        let subject = claim("sub")?;
        let (namespace, name) = subject.strip_prefix(SUBJECT)?.split_once(':')?;
        Some(format!("{namespace}/{name}"))
    }
}
