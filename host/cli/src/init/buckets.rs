//! The account for key-value buckets and its users, which `portcullis init --key-value` adds.

use portcullis_claims::{KeyError, KeyKind};
use portcullis_connect::{InboxPrefix, RequiredPermission};
use portcullis_core::BucketName;
use portcullis_mirror::{keeper_permissions, mirror_permissions};

use super::permissions::permissions;
use crate::keys::{self, NewKey};

const NATS_SERVER_CONF: &str = include_str!("nats-server-buckets.conf");
const PORTCULLIS_TOML: &str = include_str!("portcullis-buckets.toml");

/// Inbox prefix of the user that fills the buckets. Other users of the account may not subscribe to
/// it.
pub(super) const KEEPER_PREFIX: &str = "_INBOX_KEEPER";

/// The users of the account with the buckets.
#[derive(Debug)]
pub(super) struct Buckets<'a> {
    names: &'a [BucketName],
    inbox_prefix: InboxPrefix,
    /// Key of the host's user, which reads.
    pub(super) reader: NewKey,
    /// Key of the user that puts and deletes keys.
    pub(super) keeper: NewKey,
    /// Key of the user that makes the buckets.
    pub(super) admin: NewKey,
}

impl<'a> Buckets<'a> {
    /// Generates keys for an account with buckets of these names. `None` if `names` is empty.
    ///
    /// # Errors
    ///
    /// Fails if the key library fails.
    pub(super) fn generate(names: &'a [BucketName]) -> Result<Option<Self>, KeyError> {
        if names.is_empty() {
            return Ok(None);
        }
        Ok(Some(Self {
            names,
            inbox_prefix: InboxPrefix::random(),
            reader: keys::generate(KeyKind::User)?,
            keeper: keys::generate(KeyKind::User)?,
            admin: keys::generate(KeyKind::User)?,
        }))
    }

    /// Renders the account in nats-server.conf.
    pub(super) fn account(&self) -> String {
        let prefix = self.inbox_prefix.as_str();
        let reader = |bucket: &BucketName| mirror_permissions(bucket, None, prefix);
        let keeper = |bucket: &BucketName| keeper_permissions(bucket, KEEPER_PREFIX);
        let names: Vec<_> = self.names.iter().map(ToString::to_string).collect();
        NATS_SERVER_CONF
            .replace("{buckets}", &names.join(", "))
            .replace("{reader}", &self.reader.public)
            .replace("{keeper}", &self.keeper.public)
            .replace("{admin}", &self.admin.public)
            .replace("{keeper-prefix}", KEEPER_PREFIX)
            .replace("{reader-permissions}", &self.each(reader))
            .replace("{keeper-permissions}", &self.each(keeper))
    }

    /// Renders `[key-value]` in portcullis.toml.
    pub(super) fn table(&self) -> String {
        let names: Vec<_> = self
            .names
            .iter()
            .map(|name| format!("\"{name}\""))
            .collect();
        PORTCULLIS_TOML
            .replace("{buckets}", &names.join(", "))
            .replace("{inbox-prefix}", self.inbox_prefix.as_str())
    }

    fn each(&self, of_bucket: impl Fn(&BucketName) -> Vec<RequiredPermission>) -> String {
        let required: Vec<_> = self.names.iter().flat_map(of_bucket).collect();
        permissions(&required)
    }
}
