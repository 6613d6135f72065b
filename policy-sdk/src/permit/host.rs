//! The conversion of a permit into the host's resource.

use super::portions::portions;
use super::{Bounds, Permit};
use crate::host::permits;

impl Permit {
    /// Builds the permit in the host, with as few calls as possible.
    pub(crate) fn to_host(&self) -> permits::Permit {
        let permit = permits::Permit::new(&self.account);
        if let Some(name) = &self.user_name {
            permit.user_name(name);
        }
        for (allow, deny) in portions(&self.publish_allow, &self.publish_deny) {
            permit.publish(allow, deny);
        }
        for (allow, deny) in portions(&self.subscribe_allow, &self.subscribe_deny) {
            permit.subscribe(allow, deny);
        }
        if let Some(responses) = self.responses {
            let milliseconds = u64::try_from(responses.ttl.as_millis()).unwrap_or(u64::MAX);
            permit.responses_allow(responses.max, milliseconds);
        }
        if let Some(lifetime) = self.lifetime {
            permit.expires_in(lifetime.as_secs());
        }
        if let Some(time) = self.expiry {
            permit.expires_at(time);
        }
        if let Some(role) = &self.role {
            permit.attribute("role", std::slice::from_ref(role));
        }
        self.bounds.to_host(&permit);
        attribute(&permit, "tag", &self.tags);
        permit
    }
}

impl Bounds {
    fn to_host(&self, permit: &permits::Permit) {
        attribute(permit, "source", &self.sources);
        attribute(permit, "connection-type", &self.connection_types);
        if !self.times.is_empty() {
            let ranges: Vec<_> = self
                .times
                .iter()
                .map(|(start, end)| format!("{start}-{end}"))
                .collect();
            attribute(permit, "time", &ranges);
        }
        if let Some(zone) = &self.times_location {
            permit.attribute("times-location", std::slice::from_ref(zone));
        }
        if self.proxy_required {
            permit.attribute("proxy-required", &[]);
        }
        let limits = [
            ("subscriptions", self.subscriptions),
            ("payload", self.payload),
            ("data", self.data),
        ];
        for (name, limit) in limits {
            if let Some(limit) = limit {
                permit.attribute(name, &[limit.to_string()]);
            }
        }
    }
}

/// Adds the attribute, if it has values.
fn attribute(permit: &permits::Permit, name: &str, values: &[String]) {
    for (values, _) in portions(values, &[]) {
        permit.attribute(name, values);
    }
}
