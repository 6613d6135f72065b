//! The claims of a user JWT as the server's library reads them.
//!
//! Missing, `null` and empty values differ where the server distinguishes them. A scoped user must
//! have no list, not even an empty one.

use serde::{Deserialize, Deserializer};

use crate::jwt::{Body, FirstVersion};
use crate::keys::KeyKind;
use crate::lenient::{optional_object, optional_objects};
use crate::user::{ResponseRule, SubjectRule};

/// The object under `nats`. For version 1, the object that the Go library converts it to.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct UserFacts {
    #[serde(rename = "pub", deserialize_with = "optional_object")]
    pub(super) publish: Option<Side>,
    #[serde(rename = "sub", deserialize_with = "optional_object")]
    pub(super) subscribe: Option<Side>,
    #[serde(rename = "resp", deserialize_with = "optional_object")]
    pub(super) responses: Option<Responses>,
    pub(super) subs: Option<i64>,
    pub(super) data: Option<i64>,
    pub(super) payload: Option<i64>,
    #[serde(rename = "src", deserialize_with = "sources")]
    pub(super) sources: Option<Vec<String>>,
    #[serde(deserialize_with = "optional_objects")]
    pub(super) times: Option<Vec<Range>>,
    pub(super) times_location: Option<String>,
    pub(super) allowed_connection_types: Option<Vec<Option<String>>>,
    pub(super) bearer_token: Option<bool>,
    pub(super) proxy_required: Option<bool>,
    pub(super) issuer_account: Option<String>,
    pub(super) tags: Option<Vec<Option<String>>>,
    #[serde(rename = "type")]
    kind: Option<String>,
    version: Option<i64>,
}

/// Allowed and denied subjects.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Side {
    pub(super) allow: Option<Vec<Option<String>>>,
    pub(super) deny: Option<Vec<Option<String>>>,
}

/// A permission to reply.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Responses {
    max: Option<i64>,
    ttl: Option<i64>,
}

/// A time range, unparsed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Range {
    pub(super) start: Option<String>,
    pub(super) end: Option<String>,
}

impl Body for UserFacts {
    const KIND: &'static str = "user";
    const ISSUERS: &'static [KeyKind] = &[KeyKind::Account];
    const HAS_FIRST_VERSION: bool = true;

    fn kind(&self) -> Option<&str> {
        self.kind.as_deref()
    }

    fn version(&self) -> Option<i64> {
        self.version
    }

    /// Migrates from version 1, which has neither connection types nor proxies. A missing limit
    /// becomes -1, which is unlimited.
    fn migrate(&mut self, old: FirstVersion) {
        self.allowed_connection_types = None;
        self.proxy_required = None;
        self.issuer_account = old.issuer_account;
        self.tags = Some(old.tags.into_iter().map(Some).collect());
        for limit in [&mut self.subs, &mut self.data, &mut self.payload] {
            limit.get_or_insert(-1);
        }
        self.version = Some(1);
    }
}

impl From<Responses> for ResponseRule {
    fn from(responses: Responses) -> Self {
        Self {
            max: responses.max.unwrap_or_default(),
            ttl: responses.ttl.unwrap_or_default(),
        }
    }
}

impl From<&Side> for SubjectRule {
    fn from(side: &Side) -> Self {
        Self {
            allow: texts(side.allow.as_ref()).map(str::to_owned).collect(),
            deny: texts(side.deny.as_ref()).map(str::to_owned).collect(),
        }
    }
}

impl UserFacts {
    /// Returns whether the user has nothing that a scoped user may not have.
    pub(super) fn is_bare(&self, reads_proxy_required: bool) -> bool {
        let no_side = |side: &Option<Side>| {
            let side = side.as_ref();
            side.is_none_or(|side| side.allow.is_none() && side.deny.is_none())
        };
        let no_number = |number: Option<i64>| number.unwrap_or_default() == 0;
        no_side(&self.publish)
            && no_side(&self.subscribe)
            && self.responses.is_none()
            && [self.subs, self.data, self.payload]
                .into_iter()
                .all(no_number)
            && self.sources.is_none()
            && self.times.is_none()
            && self.times_location().is_none()
            && self.allowed_connection_types.is_none()
            && !self.bearer_token.unwrap_or_default()
            && !(reads_proxy_required && self.proxy_required.unwrap_or_default())
    }

    /// Returns the time zone. `None` if it is empty.
    pub(super) fn times_location(&self) -> Option<&str> {
        let location = self.times_location.as_deref();
        location.filter(|location| !location.is_empty())
    }

    /// Returns the account that the issuer speaks for. `None` if it is empty.
    pub(super) fn issuer_account(&self) -> Option<&str> {
        let account = self.issuer_account.as_deref();
        account.filter(|account| !account.is_empty())
    }
}

/// Returns a list as the server has it: a `null` entry is an empty text.
pub(super) fn texts(list: Option<&Vec<Option<String>>>) -> impl Iterator<Item = &str> {
    let entries = list.into_iter().flatten();
    entries.map(|entry| entry.as_deref().unwrap_or_default())
}

/// A list, or texts separated by commas.
#[derive(Deserialize)]
#[serde(untagged)]
enum Sources {
    List(Vec<Option<String>>),
    Text(String),
}

fn sources<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<String>>, D::Error> {
    Ok(
        Option::<Sources>::deserialize(deserializer)?.map(|sources| match sources {
            Sources::List(list) => list.into_iter().map(Option::unwrap_or_default).collect(),
            Sources::Text(text) => text
                .split(',')
                .map(|entry| entry.trim().to_lowercase())
                .filter(|entry| !entry.is_empty())
                .collect(),
        }),
    )
}
