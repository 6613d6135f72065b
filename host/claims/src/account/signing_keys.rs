//! Keys that sign in an account's name.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::lenient::or_default;
use crate::user::UserTemplate;

/// The signing keys of an account by public key, `A…`. Each is plain or bound to a role.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SigningKeys {
    keys: BTreeMap<String, Option<UserScope>>,
}

/// A role: the permissions and limits of the users that its key signs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserScope {
    /// Kind of subjects that the role is for. Required in JSON.
    pub kind: ScopeKind,
    /// Public key of the role, `A…`.
    #[serde(default, deserialize_with = "or_default")]
    pub key: String,
    /// Name of the role.
    #[serde(default, deserialize_with = "or_default")]
    pub role: String,
    /// Permissions and limits of the users.
    #[serde(default, deserialize_with = "or_default")]
    pub template: UserTemplate,
    /// Description for humans.
    #[serde(default, deserialize_with = "or_default")]
    pub description: String,
}

/// A kind of subjects that a role is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ScopeKind {
    /// The role is for users.
    #[default]
    #[serde(rename = "user_scope")]
    User,
}

/// A signing key in its JSON form.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written<P, S> {
    Plain(P),
    Scoped(S),
}

impl SigningKeys {
    /// Adds a key that signs for any user. Replaces a role of the same key.
    pub fn insert_plain(&mut self, public_key: impl Into<String>) {
        self.keys.insert(public_key.into(), None);
    }

    /// Adds a key that is bound to a role. Replaces an entry of the same key.
    pub fn insert_scope(&mut self, scope: UserScope) {
        self.keys.insert(scope.key.clone(), Some(scope));
    }

    /// Removes a key. Returns whether it was there.
    pub fn remove(&mut self, public_key: &str) -> bool {
        self.keys.remove(public_key).is_some()
    }

    /// Returns whether the key signs for the account, with or without a role.
    pub fn contains(&self, public_key: &str) -> bool {
        self.keys.contains_key(public_key)
    }

    /// Returns the role of a key. `None` for a plain key and for a key of no entry.
    pub fn scope(&self, public_key: &str) -> Option<&UserScope> {
        self.keys.get(public_key)?.as_ref()
    }

    /// Returns every key with its role, in order of the keys.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Option<&UserScope>)> {
        self.keys
            .iter()
            .map(|(key, scope)| (key.as_str(), scope.as_ref()))
    }

    /// Returns whether there is no key.
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
