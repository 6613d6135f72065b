//! The keys of the host.

use std::sync::Arc;

use portcullis_authority::Issuers;
use portcullis_claims::CurveKey;

/// The keys that sign user JWTs and responses, and that open and seal messages.
#[derive(Debug)]
pub struct HostKeys {
    /// The signers of user JWTs and responses.
    pub issuers: Arc<Issuers>,
    /// The key that opens requests and seals responses: `xkey` in the server's `auth_callout`. With
    /// a key, the host refuses plain requests. Without one, it refuses encrypted requests. Default:
    /// `None`.
    pub xkey: Option<CurveKey>,
}

impl HostKeys {
    /// Creates the keys of a host that signs with `issuers` and expects plain requests.
    pub fn new(issuers: impl Into<Arc<Issuers>>) -> Self {
        Self {
            issuers: issuers.into(),
            xkey: None,
        }
    }
}
