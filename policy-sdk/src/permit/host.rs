//! A permit as the host's resource.

use super::Permit;
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
        for tag in &self.tags {
            permit.tag(tag);
        }
        permit
    }
}
