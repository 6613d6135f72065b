//! User JWTs of permits.

mod body;
mod rules;
mod template;
mod values;

use portcullis_core::{Allowed, ConnectionType, Permit};

use crate::jwt::Claims;

use values::texts;

pub use body::{UserBody, UserFields};
pub use rules::{ResponseRule, SubjectRule, TimeRule};
pub use template::{PermissionRules, UserTemplate};
pub(crate) use values::UNLIMITED;

/// The claims of a user JWT. [`UserClaims::from_permit`] makes them.
pub type UserClaims = Claims<UserBody>;

impl UserClaims {
    /// Returns the claims of the user `public_key` (`U…`) with these permissions and limits, issued
    /// at `issued_at` (seconds since the Unix epoch).
    pub fn new(public_key: &str, fields: UserFields, issued_at: u64) -> Self {
        Self {
            subject: Some(public_key.to_owned()),
            issued_at: Some(issued_at),
            nats: UserBody::from(fields),
            ..Self::default()
        }
    }

    /// Returns the claims of the user `user_nkey` with `permit`, issued at `issued_at` (seconds
    /// since the Unix epoch), for config mode. The audience is the account's name.
    pub fn from_permit(user_nkey: &str, permit: &Permit, issued_at: u64) -> Self {
        // Closes the sides again, because a server reads an empty side as everything.
        let permissions = permit.permissions().clone().closed();
        Self {
            audience: Some(permit.account().as_str().to_owned()),
            expires_at: permit.expires_at(),
            issued_at: Some(issued_at),
            name: permit.user_name().map(str::to_owned),
            subject: Some(user_nkey.to_owned()),
            nats: UserBody::current(UserFields {
                publish: permissions.publish.into(),
                subscribe: permissions.subscribe.into(),
                responses: permissions.responses.map(Into::into),
                sources: texts(permit.sources().listed()),
                times: permit.times().listed().map(Into::into).collect(),
                times_location: permit.times_location().map(str::to_owned),
                subs: permit.subscriptions().map_or(UNLIMITED, i64::from),
                data: UNLIMITED,
                payload: permit.payload().map_or(UNLIMITED, i64::from),
                proxy_required: permit.requires_proxy(),
                allowed_connection_types: texts(permit.connection_types_for_servers()),
                ..UserFields::default()
            }),
            ..Self::default()
        }
        .with_tags(permit.tags().iter().cloned())
    }

    /// Adds tags, such as those that name the deciding policy.
    #[must_use]
    pub fn with_tags(mut self, tags: impl IntoIterator<Item = String>) -> Self {
        self.nats.tags.extend(tags);
        self
    }

    /// Replaces the connection types by exactly these, for a user whose login no host decides.
    #[must_use]
    pub fn with_connection_types(mut self, types: &Allowed<ConnectionType>) -> Self {
        self.nats.allowed_connection_types = texts(types.listed());
        self
    }

    /// Converts the claims for operator mode, where the signer determines the account and not the
    /// audience. Without `issuer_account`, the signer is the account's own key. With it (`A…`), the
    /// signer is a signing key of that account.
    #[must_use]
    pub fn in_operator_mode(mut self, issuer_account: Option<&str>) -> Self {
        self.audience = None;
        self.nats.issuer_account = issuer_account.map(str::to_owned);
        self
    }

    /// Converts the claims for a scoped signing key, whose template sets permissions and limits.
    /// Servers refuse a user that has its own ("scoped users require no permissions or limits
    /// set"). Keeps name, tags, expiry and issuer account.
    ///
    /// **Drops what the permit granted or denied.** Only for permits that leave permissions to the
    /// template.
    #[must_use]
    pub fn scoped(mut self) -> Self {
        *self.nats = UserFields {
            issuer_account: self.nats.issuer_account.take(),
            ..UserFields::default()
        };
        self
    }
}

#[cfg(test)]
pub(crate) mod tests;
