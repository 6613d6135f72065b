//! Decides by rules from its settings, for the conformance cases.

use std::time::Duration;

use portcullis_sdk::prelude::*;
use portcullis_sdk::{HashError, Responses, Subject};
use serde::Deserialize;

/// The settings: the first rule that matches decides. If no rule matches, the guest abstains.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Settings {
    rules: Vec<Rule>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Rule {
    #[serde(default, rename = "match")]
    conditions: Conditions,
    permit: Option<Box<Grant>>,
    deny: Option<String>,
    /// An explicit outcome for rules that abstain. Its value does not matter.
    #[serde(default, rename = "abstain")]
    _abstain: bool,
}

/// The conditions, which must all hold. Without conditions, a rule matches every login, also that
/// of a sentinel.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct Conditions {
    username: Option<String>,
    /// A hash of the password.
    password: Option<String>,
    /// A hash of the token.
    token: Option<String>,
    /// The nkey that the client has proved to hold.
    nkey: Option<String>,
    /// A part of the subject of the verified certificate.
    certificate_subject: Option<String>,
    /// The `name` of the user JWT.
    name_tag: Option<String>,
    /// The connection name.
    name: Option<String>,
    kind: Option<String>,
    transport: Option<String>,
    connection_type: Option<String>,
    /// `password`, `token`, `nkey`, `jwt` or `none`.
    method: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct Grant {
    account: String,
    role: Option<String>,
    user_name: Option<String>,
    publish_allow: Vec<Subject>,
    publish_deny: Vec<Subject>,
    subscribe_allow: Vec<Subject>,
    subscribe_deny: Vec<Subject>,
    responses: Option<Replies>,
    /// The lifetime, in seconds.
    expires_in: Option<u64>,
    expires_at: Option<u64>,
    tags: Vec<String>,
    sources: Vec<String>,
    connection_types: Vec<String>,
    /// Ranges of times: start and end.
    times: Vec<(String, String)>,
    times_location: Option<String>,
    proxy_required: bool,
    subscriptions: Option<u32>,
    payload: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Replies {
    #[serde(default)]
    max: u32,
    #[serde(default)]
    ttl_ms: u64,
}

struct Guest(Settings);

impl Policy for Guest {
    type Settings = Settings;

    fn configure(settings: Settings) -> Result<Self, SettingsError> {
        Ok(Self(settings))
    }

    fn decide(&self, request: &Request) -> Verdict {
        let rule = self
            .0
            .rules
            .iter()
            .find(|rule| rule.conditions.hold(request));
        match rule.map(|rule| (&rule.permit, &rule.deny)) {
            Some((Some(grant), _)) => grant.permit().into(),
            Some((None, Some(reason))) => Verdict::deny(reason.clone()),
            Some((None, None)) | None => Verdict::Abstain,
        }
    }
}

impl Conditions {
    fn hold(&self, request: &Request) -> bool {
        let client = request.client();
        let is = |wanted: &Option<String>, fact: &dyn Fn() -> Option<String>| {
            wanted.is_none() || *wanted == fact()
        };
        let hash = |hash: &Option<String>, matches: &dyn Fn(&str) -> Result<bool, HashError>| {
            hash.as_deref().is_none_or(|hash| matches(hash) == Ok(true))
        };
        is(&self.username, &|| request.username())
            && is(&self.method, &|| Some(request.method().to_string()))
            && is(&self.name_tag, &|| client.name_tag())
            && is(&self.name, &|| client.name())
            && is(&self.kind, &|| client.kind().map(|kind| kind.to_string()))
            && is(&self.transport, &|| {
                client.transport().map(|transport| transport.to_string())
            })
            && is(&self.connection_type, &|| {
                client.connection_type().map(|name| name.to_string())
            })
            && is(&self.nkey, &|| request.nkey())
            && self.certificate_subject.as_deref().is_none_or(|part| {
                request
                    .certificate()
                    .subject()
                    .is_some_and(|subject| subject.contains(part))
            })
            && hash(&self.password, &|hash| request.password_matches(hash))
            && hash(&self.token, &|hash| request.token_matches(hash))
    }
}

impl Grant {
    fn permit(&self) -> Permit {
        let mut permit = Permit::new(&self.account)
            .allow_publish(&self.publish_allow)
            .deny_publish(&self.publish_deny)
            .allow_subscribe(&self.subscribe_allow)
            .deny_subscribe(&self.subscribe_deny);
        if let Some(role) = &self.role {
            permit = permit.with_role(role);
        }
        if let Some(name) = &self.user_name {
            permit = permit.with_user_name(name);
        }
        if let Some(replies) = &self.responses {
            permit = permit.allow_responses(Responses {
                max: replies.max,
                ttl: Duration::from_millis(replies.ttl_ms),
            });
        }
        if let Some(seconds) = self.expires_in {
            permit = permit.limit_lifetime(Duration::from_secs(seconds));
        }
        if let Some(time) = self.expires_at {
            permit = permit.limit_expiry(time);
        }
        permit = permit.add_tags(&self.tags);
        self.limited(self.bounded(permit))
    }

    fn bounded(&self, mut permit: Permit) -> Permit {
        if !self.sources.is_empty() {
            permit = permit.allow_sources(&self.sources);
        }
        if !self.connection_types.is_empty() {
            permit = permit.allow_connection_types(&self.connection_types);
        }
        if !self.times.is_empty() {
            permit = permit.allow_times(self.times.iter().cloned());
        }
        if let Some(zone) = &self.times_location {
            permit = permit.with_times_location(zone);
        }
        if self.proxy_required {
            permit = permit.require_proxy();
        }
        permit
    }

    fn limited(&self, mut permit: Permit) -> Permit {
        if let Some(most) = self.subscriptions {
            permit = permit.limit_subscriptions(most);
        }
        if let Some(bytes) = self.payload {
            permit = permit.limit_payload(bytes);
        }
        permit
    }
}

export!(Guest);
