//! Tokens of any kind.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::jwt::{Body, Claims, FirstVersion, VERSION};
use crate::keys::KeyKind;

/// The claims of a token of any kind. [`GenericClaims::new`] makes them.
///
/// [`decode`](Claims::decode) reads tokens of every kind and every issuer. It recognises version 1
/// by the algorithm's name, as `DecodeGeneric` of nats-io/jwt v2 does.
pub type GenericClaims = Claims<GenericBody>;

/// The object under `nats`, of any form. `Debug` shows no content.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct GenericBody {
    /// Fields of the object.
    pub data: Map<String, Value>,
}

impl GenericClaims {
    /// Returns claims about `subject`, a public key of any kind, issued at `issued_at` (seconds
    /// since the Unix epoch). The field `type` of `data` may hold a kind of the caller's own.
    pub fn new(subject: &str, data: Map<String, Value>, issued_at: u64) -> Self {
        Self {
            subject: Some(subject.to_owned()),
            issued_at: Some(issued_at),
            nats: GenericBody { data },
            ..Self::default()
        }
    }
}

impl Body for GenericBody {
    const KIND: &'static str = "generic";
    const ISSUERS: &'static [KeyKind] = &[
        KeyKind::Operator,
        KeyKind::Account,
        KeyKind::User,
        KeyKind::Server,
        KeyKind::Cluster,
    ];
    const HAS_FIRST_VERSION: bool = true;
    const ANY_KIND: bool = true;

    fn kind(&self) -> Option<&str> {
        self.data.get("type")?.as_str()
    }

    fn version(&self) -> Option<i64> {
        self.data.get("version")?.as_i64()
    }

    fn stamp(&mut self) {
        self.data.insert("version".to_owned(), VERSION.into());
    }

    fn migrate(&mut self, old: FirstVersion) {
        if let Some(kind) = old.kind.filter(|kind| !kind.is_empty()) {
            self.data.insert("type".to_owned(), kind.into());
        }
        if !old.tags.is_empty() {
            self.data.insert("tags".to_owned(), old.tags.into());
        }
    }
}

impl fmt::Debug for GenericBody {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("GenericBody")
            .finish_non_exhaustive()
    }
}
