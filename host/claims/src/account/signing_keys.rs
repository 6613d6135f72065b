//! Keys that sign in an account's name.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::lenient::or_default;
use crate::user::UserTemplate;

/// An account's signing keys by their public key, `A…`: plain ones, and ones that are bound to a role.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SigningKeys {
    keys: BTreeMap<String, Option<UserScope>>,
}

/// A role: what the users that its key signs may do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserScope {
    /// Whom the role is for. Has to be there.
    pub kind: ScopeKind,
    /// The public key, `A…`.
    #[serde(default, deserialize_with = "or_default")]
    pub key: String,
    /// The role's name.
    #[serde(default, deserialize_with = "or_default")]
    pub role: String,
    /// What the users may do.
    #[serde(default, deserialize_with = "or_default")]
    pub template: UserTemplate,
    /// A description for people.
    #[serde(default, deserialize_with = "or_default")]
    pub description: String,
}

/// Whom a role is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ScopeKind {
    /// Users.
    #[default]
    #[serde(rename = "user_scope")]
    User,
}

/// A signing key as it is written.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written<P, S> {
    Plain(P),
    Scoped(S),
}

impl SigningKeys {
    /// Adds a key that signs for any user. A role of the same key is gone.
    pub fn insert_plain(&mut self, public_key: impl Into<String>) {
        self.keys.insert(public_key.into(), None);
    }

    /// Adds a key that is bound to a role. What the key was before is gone.
    pub fn insert_scope(&mut self, scope: UserScope) {
        self.keys.insert(scope.key.clone(), Some(scope));
    }

    /// Whether the key signs for the account, with or without a role.
    pub fn contains(&self, public_key: &str) -> bool {
        self.keys.contains_key(public_key)
    }

    /// The role of a key; none if it has none, or is none of the account's.
    pub fn scope(&self, public_key: &str) -> Option<&UserScope> {
        self.keys.get(public_key)?.as_ref()
    }

    /// Every key with its role, in order of the keys.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Option<&UserScope>)> {
        self.keys
            .iter()
            .map(|(key, scope)| (key.as_str(), scope.as_ref()))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }
}

impl Serialize for SigningKeys {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter().map(|(key, scope)| match scope {
            None => Written::Plain(key),
            Some(scope) => Written::Scoped(scope),
        }))
    }
}

impl<'de> Deserialize<'de> for SigningKeys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut keys = Self::default();
        for written in Vec::<Written<String, UserScope>>::deserialize(deserializer)? {
            match written {
                Written::Plain(key) => keys.insert_plain(key),
                Written::Scoped(scope) => keys.insert_scope(scope),
            }
        }
        Ok(keys)
    }
}
