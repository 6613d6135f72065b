//! Activation JWTs: the permission of one account to import an export of another.

use serde::{Deserialize, Serialize};

use crate::account::ShareKind;
use crate::jwt::{Claims, Envelope, Fields, FirstVersion};
use crate::keys::KeyKind;
use crate::lenient::{is_empty, or_default};

/// The claims of an activation JWT. [`ActivationClaims::new`] makes them.
pub type ActivationClaims = Claims<ActivationBody>;

/// The object under `nats` in an activation JWT.
pub type ActivationBody = Envelope<ActivationFields>;

/// The fields of an activation JWT: those of `Activation` in nats-io/jwt v2.8.2.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ActivationFields {
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
}

impl ActivationClaims {
    /// Returns the claims with which the account `importer` (`A…`) may import `subject`, issued at
    /// `issued_at` (seconds since the Unix epoch).
    pub fn new(importer: &str, subject: &str, kind: ShareKind, issued_at: u64) -> Self {
        Self {
            subject: Some(importer.to_owned()),
            issued_at: Some(issued_at),
            nats: ActivationBody::from(ActivationFields {
                import_subject: subject.to_owned(),
                import_kind: Some(kind),
                issuer_account: None,
            }),
            ..Self::default()
        }
    }
}

impl Fields for ActivationFields {
    const KIND: &'static str = "activation";
    const ISSUERS: &'static [KeyKind] = &[KeyKind::Account, KeyKind::Operator];
    const SUBJECT: Option<KeyKind> = Some(KeyKind::Account);
    const HAS_FIRST_VERSION: bool = true;

    /// Migrates from version 1, which has the kind of the import where version 2 has the kind of
    /// the token.
    fn migrate(&mut self, kind: Option<&str>, old: &FirstVersion) {
        self.import_kind = match kind {
            Some("stream") => Some(ShareKind::Stream),
            Some("service") => Some(ShareKind::Service),
            _ => None,
        };
        self.issuer_account = old.issuer_account();
    }
}
