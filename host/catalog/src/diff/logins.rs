//! The logins that two versions of a policy are compared with.

mod others;

use std::sync::Arc;

use portcullis_core::{AuthorizationRequest, Claims, FixedKeyValues, Method, Strength, Transport};

use crate::assertions::LoginSample;
use crate::policy_tests::is_possible;
use crate::smoke;

/// Maximum number of variations that drop one claim or group of a login.
const MAX_DROPPED: usize = 16;

/// A change of a login, and its name in the result. It returns whether the login can have it.
type Variation = (String, Box<dyn Fn(&mut AuthorizationRequest) -> bool>);

/// Returns the logins and their variations, each with a name. A bare login of each method follows.
pub(super) fn with_variations(stated: Vec<(String, LoginSample)>) -> Vec<(String, LoginSample)> {
    let bare = Method::ALL.into_iter().map(|method| {
        let key_values = Arc::new(FixedKeyValues::default().others_are_empty());
        let request = Arc::new(smoke::login(method));
        let name = format!("a made-up login by {}", method.as_str());
        (
            name,
            LoginSample {
                request,
                key_values,
            },
        )
    });
    let mut all: Vec<(String, LoginSample)> = Vec::new();
    for (name, login) in stated.into_iter().chain(bare) {
        let with = |request: AuthorizationRequest| LoginSample {
            request: Arc::new(request),
            key_values: Arc::clone(&login.key_values),
        };
        let variations = variations(&login.request).into_iter();
        let varied = variations.filter_map(|(what, change)| {
            let mut request = AuthorizationRequest::clone(&login.request);
            let is_possible = change(&mut request) && is_possible(&request);
            is_possible.then(|| (format!("{name}, {what}"), with(request)))
        });
        let varied: Vec<_> = varied.collect();
        let empty = LoginSample {
            key_values: Arc::new(FixedKeyValues::default().others_are_empty()),
            ..login.clone()
        };
        all.push((name.clone(), login));
        all.push((format!("{name}, with empty buckets"), empty));
        all.extend(varied);
    }
    all
}

/// Returns the changes that a login is varied by: what a client or its network can change, and what
/// an identity provider may leave out.
fn variations(request: &AuthorizationRequest) -> Vec<Variation> {
    let mut variations = connections();
    variations.extend(identities());
    let identity = &request.identity;
    for group in identity.groups.iter().take(MAX_DROPPED).cloned() {
        variations.push((
            format!("without the group `{}`", group.escape_debug()),
            Box::new(move |request| {
                request.identity.groups.retain(|own| *own != group);
                true
            }),
        ));
    }
    for claim in identity.claims.names().take(MAX_DROPPED) {
        let claim = claim.to_owned();
        variations.push((
            format!("without the claim `{}`", claim.escape_debug()),
            Box::new(move |request| {
                request.identity.claims = request.identity.claims.without(&claim);
                true
            }),
        ));
    }
    variations
}

fn variation(
    what: &str,
    change: impl Fn(&mut AuthorizationRequest) -> bool + 'static,
) -> Variation {
    (what.to_owned(), Box::new(change))
}

/// Sets `place` to `value`. Returns whether that changed it.
fn set<T: PartialEq>(place: &mut T, value: T) -> bool {
    let is_new = *place != value;
    *place = value;
    is_new
}

/// Returns variations of the connection.
fn connections() -> Vec<Variation> {
    vec![
        variation("over MQTT", |request| {
            set(&mut request.client.transport, Some(Transport::Mqtt))
        }),
        variation("over WebSocket", |request| {
            request.client.mqtt_id = None;
            set(&mut request.client.transport, Some(Transport::Websocket))
        }),
        variation("from another network", |request| {
            set(&mut request.client.host, Some("203.0.113.7".to_owned()))
        }),
        variation("with another client name", |request| {
            let name = Some("portcullis-diff".to_owned());
            set(&mut request.client.name, name)
        }),
    ]
}

/// Returns variations of the identity.
fn identities() -> Vec<Variation> {
    vec![
        variation("as another user", others::user),
        variation("from another issuer", others::issuer),
        variation("without a proof", |request| {
            set(&mut request.identity.strength, Strength::Claimed)
        }),
        variation("without groups", |request| {
            set(&mut request.identity.groups, Vec::new())
        }),
        variation("without tags", |request| {
            set(&mut request.identity.tags, Vec::new())
        }),
        variation("without a role", |request| {
            set(&mut request.identity.role, None)
        }),
        variation("without claims", |request| {
            set(&mut request.identity.claims, Claims::default())
        }),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy_tests::PolicyTests;

    fn names(tests: &str) -> Vec<String> {
        let path = std::path::Path::new("p.tests.toml");
        let logins = PolicyTests::parse(path, tests.as_bytes()).unwrap().logins();
        let varied = with_variations(logins);
        varied.into_iter().map(|(name, _)| name).collect()
    }

    #[test]
    fn only_logins_that_occur_are_made() {
        let names = names(
            r#"
            [[tests]]
            name = "bob"
            abstain = true
            [tests.login]
            token = "eyJ"
            identity = { method = "oidc", principal = "bob", proved = true, issuer = "https://idp", groups = ["a", "b"], claims = { iss = "https://idp", sub = "bob", team = "x" } }
            "#,
        );
        for present in [
            "bob",
            "bob, with empty buckets",
            "bob, over MQTT",
            "bob, as another user",
            "bob, without the group `a`",
            "bob, without the claim `team`",
            "a made-up login by nkey",
        ] {
            assert!(
                names.iter().any(|name| name == present),
                "{present} in {names:?}"
            );
        }
        // The claims of a token name its user and its issuer, so they change too.
        assert!(names.contains(&"bob, from another issuer".to_owned()));
        // A token without a proof is refused before any policy.
        assert!(
            !names.iter().any(|name| name == "bob, without a proof"),
            "{names:?}"
        );
        assert!(
            !names.iter().any(|name| name == "bob, without tags"),
            "{names:?}"
        );
    }
}
