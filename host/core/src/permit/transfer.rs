//! Serialization of permits, to pass them between processes.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Permit, PermitBuilder};
use crate::{PermissionSubject, PermitProblem, SubjectPermission};

impl Serialize for Permit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Self::serialize(self, serializer)
    }
}

impl<'de> Deserialize<'de> for Permit {
    /// Fails if no builder makes the permit.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let permit = Self::deserialize(deserializer)?;
        match permit.rebuilt() {
            Ok(rebuilt) if rebuilt == permit => Ok(permit),
            Ok(_) => Err(D::Error::custom("no builder makes this permit")),
            Err(problems) => {
                let problems: Vec<_> = problems.iter().map(ToString::to_string).collect();
                Err(D::Error::custom(problems.join("; ")))
            }
        }
    }
}

impl Permit {
    /// Builds a permit of the content of this one. Content that no builder makes is a problem, or a
    /// difference between the two.
    fn rebuilt(&self) -> Result<Self, Vec<PermitProblem>> {
        let mut builder = Self::builder(self.account.as_str(), 0);
        self.rebuild_permissions(&mut builder);
        if let Some(role) = &self.content.role {
            builder.role(role);
        }
        if let Some(name) = &self.content.user_name {
            builder.user_name(name);
        }
        for network in self.content.sources.listed() {
            builder.source_allow(&network.to_string());
        }
        for kind in self.content.connection_types.listed() {
            builder.connection_type_allow(kind.as_str());
        }
        for range in self.content.times.listed() {
            builder.time_range(*range);
        }
        if let Some(zone) = &self.content.times_location {
            builder.times_location(zone);
        }
        if self.content.proxy_required {
            builder.proxy_required();
        }
        if let Some(time) = self.content.expires_at {
            builder.expires_at(time);
        }
        if let Some(most) = self.content.subscriptions {
            builder.limit_subscriptions(most.into());
        }
        if let Some(bytes) = self.content.payload {
            builder.limit_payload(bytes.into());
        }
        for (limit, max) in &self.content.account_limits {
            builder.limit_account(*limit, *max);
        }
        for tag in &self.content.tags {
            builder.tag(tag);
        }
        let mut rebuilt = builder.finish()?;
        // A permit can say something about permissions and yet name no subject and no responses.
        rebuilt.content.names_permissions = self.content.names_permissions;
        Ok(rebuilt)
    }

    fn rebuild_permissions(&self, builder: &mut PermitBuilder) {
        type Setter = fn(&mut PermitBuilder, &str);
        if !self.content.names_permissions {
            return;
        }
        let sides: [(&SubjectPermission, Setter, Setter); 2] = [
            (
                &self.content.permissions.publish,
                PermitBuilder::publish_allow,
                PermitBuilder::publish_deny,
            ),
            (
                &self.content.permissions.subscribe,
                PermitBuilder::subscribe_allow,
                PermitBuilder::subscribe_deny,
            ),
        ];
        for (side, allow, deny) in sides {
            // The builder closes a side without an allow, with a deny that counts as no subject.
            if !side.allow.is_empty() {
                set_all(builder, &side.allow, allow);
                set_all(builder, &side.deny, deny);
            }
        }
        if let Some(responses) = self.content.permissions.responses {
            builder.responses_allow(responses.max, responses.ttl);
        }
    }
}

fn set_all(
    builder: &mut PermitBuilder,
    subjects: &[PermissionSubject],
    set: fn(&mut PermitBuilder, &str),
) {
    for subject in subjects {
        set(builder, subject.as_str());
    }
}
