//! A permit as the host's resource.

use super::{Bounds, Permit};
use crate::bindings::portcullis::policy::permits;

impl Permit {
    /// Builds the permit in the host.
    pub(crate) fn to_host(&self) -> permits::Permit {
        let permit = permits::Permit::new(&self.account);
        if let Some(name) = &self.user_name {
            permit.user_name(name);
        }
        for subject in &self.publish_allow {
            permit.publish_allow(subject);
        }
        for subject in &self.publish_deny {
            permit.publish_deny(subject);
        }
        for subject in &self.subscribe_allow {
            permit.subscribe_allow(subject);
        }
        for subject in &self.subscribe_deny {
            permit.subscribe_deny(subject);
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
            permit.role(role);
        }
        self.bounds.to_host(&permit);
        for tag in &self.tags {
            permit.tag(tag);
        }
        permit
    }
}

impl Bounds {
    fn to_host(&self, permit: &permits::Permit) {
        for network in &self.sources {
            permit.source_allow(network);
        }
        for name in &self.connection_types {
            permit.connection_type_allow(name);
        }
        for (start, end) in &self.times {
            permit.time_allow(start, end);
        }
        if let Some(zone) = &self.times_location {
            permit.times_location(zone);
        }
        if self.proxy_required {
            permit.proxy_required();
        }
        if let Some(most) = self.subscriptions {
            permit.limit_subscriptions(most);
        }
        if let Some(bytes) = self.payload {
            permit.limit_payload(bytes);
        }
        if let Some(bytes) = self.data {
            permit.limit_data(bytes);
        }
    }
}
