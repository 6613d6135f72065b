//! Activation JWTs: the permission of one account to import an export of another.

use std::mem;

use serde::{Deserialize, Serialize};

use crate::account::ShareKind;
use crate::jwt::{Body, Claims, FirstVersion, VERSION};
use crate::keys::KeyKind;
use crate::lenient::{is_empty, or_default};

/// The claims of an activation JWT. [`ActivationClaims::new`] makes them.
pub type ActivationClaims = Claims<ActivationBody>;

/// The object under `nats` in an activation JWT. Its fields are those of `Activation` in
/// nats-io/jwt v2.8.2.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ActivationBody {
    /// Subject that may be imported.
    #[serde(rename = "subject", skip_serializing_if = "is_empty")]
    #[serde(deserialize_with = "or_default")]
    pub import_subject: String,
    /// Kind of the import. An activation without a kind is invalid.
    #[serde(rename = "kind", skip_serializing_if = "is_empty")]
    pub import_kind: Option<ShareKind>,
    /// Exporting account (`A…`) if one of its signing keys is the issuer.
    #[serde(skip_serializing_if = "is_empty")]
    pub issuer_account: Option<String>,
    /// Tags of the activation.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub tags: Vec<String>,
    #[serde(rename = "type", skip_serializing_if = "is_empty")]
    kind: Option<String>,
    #[serde(skip_serializing_if = "is_empty")]
    version: Option<i64>,
}

impl ActivationClaims {
    /// Returns the claims with which the account `importer` (`A…`) may import `subject`, issued at
    /// `issued_at` (seconds since the Unix epoch).
    pub fn new(importer: &str, subject: &str, kind: ShareKind, issued_at: u64) -> Self {
        Self {
            subject: Some(importer.to_owned()),
            issued_at: Some(issued_at),
            nats: ActivationBody {
                import_subject: subject.to_owned(),
                import_kind: Some(kind),
                ..ActivationBody::default()
            },
            ..Self::default()
        }
    }
}

impl Body for ActivationBody {
    const KIND: &'static str = "activation";
    const ISSUERS: &'static [KeyKind] = &[KeyKind::Account, KeyKind::Operator];
    const SUBJECT: Option<KeyKind> = Some(KeyKind::Account);
    const HAS_FIRST_VERSION: bool = true;

    fn kind(&self) -> Option<&str> {
        self.kind.as_deref()
    }

    fn version(&self) -> Option<i64> {
        self.version
    }

    fn stamp(&mut self) {
        self.kind = Some(Self::KIND.to_owned());
        self.version = Some(VERSION);
    }

    /// Migrates from version 1, which has the kind of the import where version 2 has the kind of
    /// the token.
    fn migrate(&mut self, old: FirstVersion) {
        let import_kind = match self.kind.as_deref() {
            Some("stream") => Some(ShareKind::Stream),
            Some("service") => Some(ShareKind::Service),
            _ => None,
        };
        *self = Self {
            import_subject: mem::take(&mut self.import_subject),
            import_kind,
            issuer_account: old.issuer_account.filter(|account| !account.is_empty()),
            tags: old.tags,
            kind: old.kind,
            version: Some(1),
        };
    }
}
