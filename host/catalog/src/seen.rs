//! Logins that a policy has decided since the host started, one of each method, for smoke
//! decisions.
//!
//! The host keeps them in memory, without secrets. A new version of the policy decides them before
//! it serves ([`crate::smoke`]).

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU16, Ordering};

use parking_lot::Mutex;
use portcullis_core::{AuthorizationRequest, Method, Verdict};
use portcullis_engine::EvaluationError;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::policy_tests::{DescribedLogin, describe};

/// Maximum size of a login, in bytes of JSON. A larger one is not kept.
const MAX_SIZE: usize = 16 << 10;
/// The secrets in place of those that the client presented.
const SECRET: &str = "portcullis-smoke";

/// One login of each method that a policy has decided: the first that it permitted, or else the
/// first.
#[derive(Debug, Default)]
pub(crate) struct SeenLogins {
    /// A bit for each method with a login, and in the upper byte for each with a permitted one.
    kept: AtomicU16,
    logins: Mutex<BTreeMap<&'static str, SeenLogin>>,
}

/// A login without its secrets, and its time.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct SeenLogin {
    /// In seconds since the Unix epoch.
    received_at: u64,
    /// The login in the format of policy tests.
    login: Value,
}

impl SeenLogins {
    /// Keeps `request`, which a policy has decided, if it is the first of its method, or the first
    /// that the policy permits. A login without a verdict is not kept: otherwise, a client could
    /// keep a new version, which would fail it too, from serving.
    pub(crate) fn record(
        &self,
        request: &AuthorizationRequest,
        verdict: &Result<Verdict, EvaluationError>,
    ) {
        let Ok(verdict) = verdict else {
            return;
        };
        let is_permitted = matches!(verdict, Verdict::Permit(_));
        let Some((method, any)) = bits().find(|(method, _)| *method == request.identity.method)
        else {
            return;
        };
        let permitted = any << 8;
        let bit = if is_permitted { permitted } else { any };
        // This is on the path of every login, so the lock and the description come after it.
        if self.kept.load(Ordering::Relaxed) & (bit | permitted) != 0 {
            return;
        }
        // Set before the description, so that no client makes the host describe many large logins.
        if self.kept.fetch_or(bit | any, Ordering::Relaxed) & (bit | permitted) != 0 {
            return;
        }
        if let Some(login) = SeenLogin::new(request) {
            let mut logins = self.logins.lock();
            if is_permitted {
                logins.insert(method.as_str(), login);
            } else {
                // Another thread may have kept a permitted one meanwhile.
                logins.entry(method.as_str()).or_insert(login);
            }
        }
    }

    /// Returns the kept logins.
    pub(crate) fn logins(&self) -> Vec<SeenLogin> {
        self.logins.lock().values().cloned().collect()
    }
}

impl SeenLogin {
    /// Describes a login. Returns `None` if the description is too large.
    fn new(request: &AuthorizationRequest) -> Option<Self> {
        let mut login = describe(request);
        let credentials = &request.credentials;
        let secrets = [
            ("password", credentials.password.is_some()),
            ("token", credentials.token.is_some()),
            ("jwt", credentials.jwt.is_some()),
        ];
        let members = login.as_object_mut()?;
        for (name, is_there) in secrets {
            if is_there {
                members.insert(name.to_owned(), SECRET.into());
            }
        }
        let size = serde_json::to_vec(&login).ok()?.len();
        (size <= MAX_SIZE).then_some(Self {
            received_at: request.received_at,
            login,
        })
    }

    /// Returns the request. `None` if policy tests cannot describe such a login.
    pub(crate) fn request(&self) -> Option<AuthorizationRequest> {
        let described = DescribedLogin::read_recorded(self.login.clone(), self.received_at);
        described.ok().map(|described| described.request)
    }
}

/// Returns each method with its bit.
fn bits() -> impl Iterator<Item = (Method, u16)> {
    let bits = (0..8_u32).map(|place| 1_u16 << place);
    Method::ALL.into_iter().zip(bits)
}

#[cfg(test)]
mod tests {
    use portcullis_core::{Claims, Permit, Secret, Strength};
    use serde_json::json;

    use super::*;

    fn login(username: &str) -> AuthorizationRequest {
        let login = json!({ "username": username, "password": "hunter2" });
        DescribedLogin::read(login, 7).unwrap().request
    }

    /// Returns the verdict of a policy.
    fn verdict(is_permitted: bool) -> Verdict {
        if is_permitted {
            Verdict::Permit(Permit::builder("APP", 7).finish().unwrap())
        } else {
            Verdict::Abstain
        }
    }

    fn users(seen: &SeenLogins) -> Vec<Option<String>> {
        let logins = seen.logins();
        let requests = logins.iter().map(|login| login.request().unwrap());
        requests
            .map(|request| request.credentials.username)
            .collect()
    }

    #[test]
    fn the_first_permitted_login_of_a_method_takes_the_place_of_the_first() {
        let seen = SeenLogins::default();
        for (user, is_permitted, kept) in [
            ("guess", false, "guess"),
            ("other", false, "guess"),
            ("alice", true, "alice"),
            ("bob", true, "alice"),
            ("guess", false, "alice"),
        ] {
            seen.record(&login(user), &Ok(verdict(is_permitted)));
            assert_eq!(users(&seen), [Some(kept.to_owned())]);
        }
        let mut token = login("x");
        token.identity.method = Method::None;
        seen.record(&token, &Ok(verdict(true)));
        assert_eq!(seen.logins().len(), 2, "one of each method");
    }

    #[test]
    fn no_secret_is_kept_and_every_other_fact_is() {
        let mut request = login("alice");
        request.credentials.token = Some(Secret::new("s3cret"));
        request.credentials.jwt = Some(Secret::new("eyJ.s3cret"));
        request.credentials.signature = Some(Secret::new("s3cret"));
        let claims = r#"{ "sub": "alice", "none": null, "roles": ["a", "b"] }"#;
        request.identity.method = Method::Oidc;
        request.identity.strength = Strength::Proved;
        request.identity.issuer = Some("https://idp".to_owned());
        request.identity.claims = Claims::from_json(claims).unwrap();
        request.client.host = None;
        request.server.version = Some("2.15.3".to_owned());
        let seen = SeenLogin::new(&request).unwrap();
        let text = serde_json::to_string(&seen).unwrap();
        assert!(
            !text.contains("s3cret") && !text.contains("hunter2"),
            "{text}"
        );
        let again = seen.request().unwrap();
        assert_eq!(again.client, request.client);
        assert_eq!(again.server, request.server);
        assert_eq!(again.received_at, 7);
        assert_eq!(again.identity.claims.texts("roles"), ["a", "b"]);
        assert_eq!(again.identity.issuer, request.identity.issuer);
        assert!(again.credentials.password.is_some() && again.credentials.signature.is_none());
    }

    #[test]
    fn a_login_that_is_too_large_is_not_kept() {
        let seen = SeenLogins::default();
        seen.record(&login(&"a".repeat(MAX_SIZE)), &Ok(verdict(false)));
        assert_eq!(seen.logins(), []);
        seen.record(&login("alice"), &Ok(verdict(true)));
        assert_eq!(users(&seen), [Some("alice".to_owned())]);
    }
}
