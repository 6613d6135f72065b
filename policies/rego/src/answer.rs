//! The object that the entry point returns: a permit, or a denial.

use std::fmt;
use std::time::Duration;

use portcullis_sdk::{ConnectionType, Permit, Responses, Subject, TimeRange, Verdict, read_json};
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// A permit.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PermitObject {
    account: String,
    user_name: Option<String>,
    #[serde(default)]
    publish: Side,
    #[serde(default)]
    subscribe: Side,
    responses: Option<Responses>,
    role: Option<String>,
    #[serde(default)]
    tags: Vec<String>,
    /// The lifetime of the connection, in seconds.
    expires_in: Option<u64>,
    /// The end of the connection, in seconds since the Unix epoch.
    expires_at: Option<u64>,
    sources: Option<Vec<String>>,
    connection_types: Option<Vec<ConnectionType>>,
    times: Option<Vec<TimeRange>>,
    times_location: Option<String>,
    #[serde(default)]
    proxy_required: bool,
    subscriptions: Option<u32>,
    payload: Option<u32>,
}

/// The subjects of one side. An author writes them, with `portcullis.token` for values of a login.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Lists {
    allow: Vec<Subject>,
    deny: Vec<Subject>,
}

/// The value of `publish` or `subscribe`, which is an object.
#[derive(Debug, Default)]
struct Side(Lists);

impl<'de> Deserialize<'de> for Side {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(SideVisitor)
    }
}

/// Reads an object only. The derived `Deserialize` of [`Lists`] also reads a list, by position.
struct SideVisitor;

impl<'de> Visitor<'de> for SideVisitor {
    type Value = Side;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(
            "an object like {\"allow\": [\"orders.>\"], \"deny\": []} as `publish` or `subscribe`",
        )
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Side, A::Error> {
        Lists::deserialize(MapAccessDeserializer::new(map)).map(Side)
    }
}

/// A denial.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Denial {
    deny: String,
}

/// Returns the verdict that an object in JSON stands for.
///
/// # Errors
///
/// Fails with the reason of a denial if the object is neither a permit nor a denial.
pub(crate) fn verdict(json: &str) -> Result<Verdict, String> {
    if !json.starts_with('{') {
        return Err("the rule is not an object".to_owned());
    }
    if let Ok(denial) = serde_json::from_str::<Denial>(json) {
        return Ok(Verdict::Deny(denial.deny));
    }
    let object: PermitObject = read_json(json).map_err(|error| error.to_string())?;
    let permit = object.permit();
    match permit.problems().into_iter().next() {
        Some(problem) => Err(problem),
        None => Ok(permit.into()),
    }
}

impl PermitObject {
    fn permit(self) -> Permit {
        let mut permit = Permit::new(self.account)
            .allow_publish(self.publish.0.allow)
            .deny_publish(self.publish.0.deny)
            .allow_subscribe(self.subscribe.0.allow)
            .deny_subscribe(self.subscribe.0.deny)
            .add_tags(self.tags);
        if let Some(name) = self.user_name {
            permit = permit.with_user_name(name);
        }
        if let Some(responses) = self.responses {
            permit = permit.allow_responses(responses);
        }
        if let Some(role) = self.role {
            permit = permit.with_role(role);
        }
        if let Some(seconds) = self.expires_in {
            permit = permit.limit_lifetime(Duration::from_secs(seconds));
        }
        if let Some(time) = self.expires_at {
            permit = permit.limit_expiry(time);
        }
        // An empty list stays: it makes the permit invalid, where no list would bound nothing.
        if let Some(networks) = self.sources {
            permit = permit.allow_sources(networks);
        }
        if let Some(types) = self.connection_types {
            permit = permit.allow_connection_types(types);
        }
        if let Some(ranges) = self.times {
            permit = permit.allow_times(ranges);
        }
        if let Some(zone) = self.times_location {
            permit = permit.with_times_location(zone);
        }
        if self.proxy_required {
            permit = permit.require_proxy();
        }
        if let Some(max) = self.subscriptions {
            permit = permit.limit_subscriptions(max);
        }
        if let Some(bytes) = self.payload {
            permit = permit.limit_payload(bytes);
        }
        permit
    }
}
