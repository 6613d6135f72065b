//! User JWTs: what a permit becomes.

mod body;
mod rules;
mod template;

use portcullis_core::Permit;

use crate::jwt::{Body, Claims, VERSION};

pub use body::UserBody;
pub use rules::{ResponseRule, SubjectRule, TimeRule};
pub use template::{PermissionRules, UserTemplate};

/// No limit, where the server expects a number.
pub(crate) const UNLIMITED: i64 = -1;

/// The claims of a user JWT. Made by [`UserClaims::from_permit`].
pub type UserClaims = Claims<UserBody>;

impl UserClaims {
    /// The claims of the user `user_nkey` that `permit` lets in, made at `issued_at` (seconds since the Unix
    /// epoch). Config mode: the audience is the account's name.
    pub fn from_permit(user_nkey: &str, permit: &Permit, issued_at: u64) -> Self {
        // Closed once more: an open side would be an open door.
        let permissions = permit.permissions.clone().closed();
        Self {
            audience: Some(permit.account.clone()),
            expires_at: permit.expires_at,
            issued_at: Some(issued_at),
            name: permit.user_name.clone(),
            subject: Some(user_nkey.to_owned()),
            nats: UserBody {
                publish: permissions.publish.into(),
                subscribe: permissions.subscribe.into(),
                responses: permissions.responses.map(Into::into),
                sources: texts(&permit.sources),
                times: permit.times.iter().map(Into::into).collect(),
                times_location: permit.times_location.clone(),
                subs: permit.subscriptions.map_or(UNLIMITED, i64::from),
                data: UNLIMITED,
                payload: permit.payload.map_or(UNLIMITED, i64::from),
                proxy_required: permit.proxy_required,
                allowed_connection_types: texts(&permit.connection_types_for_servers()),
                tags: permit.tags.clone(),
                kind: Some(UserBody::KIND.to_owned()),
                version: Some(VERSION),
                ..UserBody::default()
            },
            ..Self::default()
        }
    }

    /// Adds tags, as those that say which policy decided.
    #[must_use]
    pub fn with_tags(mut self, tags: impl IntoIterator<Item = String>) -> Self {
        self.nats.tags.extend(tags);
        self
    }

    /// The same user in operator mode, where the account is the signer's and not named in the audience:
    /// without `issuer_account` the signer is the account's own key, with it (`A…`) a signing key of that account.
    #[must_use]
    pub fn in_operator_mode(mut self, issuer_account: Option<&str>) -> Self {
        self.audience = None;
        self.nats.issuer_account = issuer_account.map(str::to_owned);
        self
    }

    /// The same user for a scoped signing key, whose template says what the user may do: without permissions
    /// and limits, which servers refuse beside it ("scoped users require no permissions or limits set"). Name,
    /// tags, expiry and issuer account stay.
    ///
    /// **What the permit granted or denied is gone**: only for permits that leave permissions to the template.
    #[must_use]
    pub fn scoped(mut self) -> Self {
        self.nats = UserBody {
            issuer_account: self.nats.issuer_account,
            tags: self.nats.tags,
            kind: self.nats.kind,
            version: self.nats.version,
            ..UserBody::default()
        };
        self
    }
}

fn texts<T: ToString>(values: &[T]) -> Vec<String> {
    values.iter().map(ToString::to_string).collect()
}

#[cfg(test)]
pub(crate) mod tests;
