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
        for (allow, deny) in portions(&self.publish.allow, &self.publish.deny) {
            permit.publish(allow, deny);
        }
        for (allow, deny) in portions(&self.subscribe.allow, &self.subscribe.deny) {
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
        if !self.tags.is_empty() {
            attribute(&permit, "tag", &self.tags);
        }
        permit
    }
}

impl Bounds {
    fn to_host(&self, permit: &permits::Permit) {
        if let Some(sources) = &self.sources {
            attribute(permit, "source", sources);
        }
        if let Some(types) = &self.connection_types {
            attribute(permit, "connection-type", types);
        }
        if let Some(times) = &self.times {
            let ranges: Vec<_> = times
                .iter()
                .map(|range| format!("{}-{}", range.start, range.end))
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
        ];
        for (name, limit) in limits {
            if let Some(limit) = limit {
                permit.attribute(name, &[limit.to_string()]);
            }
        }
    }
}

/// Adds the attribute with its values. Without values, the host reports a problem.
fn attribute(permit: &permits::Permit, name: &str, values: &[String]) {
    if values.is_empty() {
        permit.attribute(name, values);
    }
    for (values, _) in portions(values, &[]) {
        permit.attribute(name, values);
    }
}
