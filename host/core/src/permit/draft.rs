//! A permit under construction.

use std::collections::BTreeMap;

use portcullis_permit_rules::{Draft, Limit, Part, Whole};

use super::{Content, Permit};
use crate::{AccountName, Allowed, PermissionSubject, Permissions, ResponsePermission};

/// A builder of a [`Permit`], which [`Permit::builder`] makes. Its setters never fail; `finish`
/// closes the sides that allow nothing, or reports all problems.
pub type PermitBuilder = portcullis_permit_rules::PermitBuilder<PermitDraft>;

/// The parts of a [`Permit`] that a [`PermitBuilder`] has accepted. Only a builder reads and
/// changes them.
#[derive(Clone, Debug)]
pub struct PermitDraft {
    account: String,
    content: Content,
}

impl Permit {
    /// Returns a builder of a permit for `account`. `received_at` is the time of the request, in
    /// seconds since the Unix epoch.
    pub fn builder(account: impl Into<String>, received_at: u64) -> PermitBuilder {
        PermitBuilder::new(PermitDraft::new(account.into()), received_at)
    }
}

impl PermitDraft {
    fn new(account: String) -> Self {
        Self {
            account,
            content: Content {
                role: None,
                user_name: None,
                permissions: Permissions::default(),
                names_permissions: false,
                sources: Allowed::Any,
                connection_types: Allowed::Any,
                times: Allowed::Any,
                times_location: None,
                proxy_required: false,
                expires_at: None,
                subscriptions: None,
                payload: None,
                tags: Vec::new(),
                account_limits: BTreeMap::new(),
            },
        }
    }

    /// Returns the permissions, about which the permit now says something.
    const fn permissions(&mut self) -> &mut Permissions {
        self.content.names_permissions = true;
        &mut self.content.permissions
    }
}

impl Draft for PermitDraft {
    type Permit = Permit;

    fn add(&mut self, part: Part<'_>) {
        let subject = PermissionSubject::accepted;
        match part {
            Part::Role(role) => self.content.role = Some(role.to_owned()),
            Part::UserName(name) => self.content.user_name = Some(name.to_owned()),
            Part::PublishAllow(text) => self.permissions().publish.allow.push(subject(text)),
            Part::PublishDeny(text) => self.permissions().publish.deny.push(subject(text)),
            Part::SubscribeAllow(text) => self.permissions().subscribe.allow.push(subject(text)),
            Part::SubscribeDeny(text) => self.permissions().subscribe.deny.push(subject(text)),
            Part::Responses { max, ttl } => {
                self.permissions().responses = Some(ResponsePermission { max, ttl });
            }
            Part::Source(network) => self.content.sources.add(network),
            Part::ConnectionType(kind) => {
                if !self
                    .content
                    .connection_types
                    .listed()
                    .any(|known| *known == kind)
                {
                    self.content.connection_types.add(kind);
                }
            }
            Part::Time(range) => self.content.times.add(range),
            Part::TimesLocation(zone) => self.content.times_location = Some(zone.to_owned()),
            Part::ProxyRequired => self.content.proxy_required = true,
            Part::Limit(Limit::Subscriptions, max) => lower(&mut self.content.subscriptions, max),
            Part::Limit(Limit::Payload, bytes) => lower(&mut self.content.payload, bytes),
            Part::AccountLimit(limit, max) => {
                let known = self.content.account_limits.entry(limit).or_insert(max);
                *known = max.min(*known);
            }
            Part::ExpiresAt(time) => lower(&mut self.content.expires_at, time),
            Part::Tag(tag) => self.content.tags.push(tag.to_owned()),
        }
    }

    fn whole(&self) -> Whole<'_> {
        let content = &self.content;
        Whole {
            account: &self.account,
            role: content.role.as_deref(),
            user_name: content.user_name.as_deref(),
            tags: &content.tags,
            has_times: !content.times.is_any(),
            has_times_location: content.times_location.is_some(),
            expires_at: content.expires_at,
        }
    }

    fn finish(self) -> Permit {
        let permissions = self.content.permissions.closed();
        Permit {
            account: AccountName::accepted(self.account),
            known_as: None,
            content: Content {
                permissions,
                ..self.content
            },
        }
    }
}

/// Lowers `limit` to `value`. `None` is no limit.
fn lower<T: Copy + Ord>(limit: &mut Option<T>, value: T) {
    *limit = Some(limit.map_or(value, |known| known.min(value)));
}
