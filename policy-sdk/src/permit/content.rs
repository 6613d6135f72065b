//! The content of a permit, in the calls of the contract.
//!
//! The receiver of the calls is the host. Natively it is a builder that has the host's rules.

#[cfg(target_arch = "wasm32")]
use super::host::{Receiver, time_span};
#[cfg(not(target_arch = "wasm32"))]
use super::native::{Receiver, time_span};
use super::portions::portions;
use super::{Bounds, Permit};

impl Permit {
    /// Hands over everything except the account, with as few calls as possible.
    pub(super) fn send_to(&self, receiver: &mut Receiver) {
        if let Some(name) = &self.user_name {
            receiver.user_name(name);
        }
        for (allow, deny) in portions(&self.publish.allow, &self.publish.deny) {
            receiver.publish(allow, deny);
        }
        for (allow, deny) in portions(&self.subscribe.allow, &self.subscribe.deny) {
            receiver.subscribe(allow, deny);
        }
        if let Some(responses) = self.responses {
            receiver.responses_allow(responses.max, time_span(responses.ttl));
        }
        if let Some(lifetime) = self.lifetime {
            receiver.expires_in(lifetime.as_secs());
        }
        if let Some(time) = self.expiry {
            receiver.expires_at(time);
        }
        if let Some(role) = &self.role {
            receiver.attribute("role", std::slice::from_ref(role));
        }
        self.bounds.send_to(receiver);
        if !self.tags.is_empty() {
            attribute(receiver, "tag", &self.tags);
        }
    }
}

impl Bounds {
    fn send_to(&self, receiver: &mut Receiver) {
        if let Some(sources) = &self.sources {
            attribute(receiver, "source", sources);
        }
        if let Some(types) = &self.connection_types {
            attribute(receiver, "connection-type", types);
        }
        if let Some(times) = &self.times {
            let ranges: Vec<_> = times
                .iter()
                .map(|range| format!("{}-{}", range.start, range.end))
                .collect();
            attribute(receiver, "time", &ranges);
        }
        if let Some(zone) = &self.times_location {
            receiver.attribute("times-location", std::slice::from_ref(zone));
        }
        if self.proxy_required {
            receiver.attribute("proxy-required", &[]);
        }
        let limits = [
            ("subscriptions", self.subscriptions),
            ("payload", self.payload),
        ];
        for (name, limit) in limits {
            if let Some(limit) = limit {
                receiver.attribute(name, &[limit.to_string()]);
            }
        }
        let limits = self.account_limits.iter();
        let limits: Vec<_> = limits
            .map(|(limit, max)| format!("{limit}={max}"))
            .collect();
        for (values, _) in portions(&limits, &[]) {
            receiver.attribute("account-limit", values);
        }
    }
}

/// Adds the attribute with its values. Without values, the receiver reports a problem.
fn attribute(receiver: &mut Receiver, name: &str, values: &[String]) {
    if values.is_empty() {
        receiver.attribute(name, values);
    }
    for (values, _) in portions(values, &[]) {
        receiver.attribute(name, values);
    }
}
