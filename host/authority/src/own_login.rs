//! The own login: a login that the host makes up to test the path of a login.
//!
//! The own login takes every step of a client's login that needs no client: identify, decide,
//! enforce, sign. It leaves no trace: the throttle, the load, locks, records, counters and the
//! maker of accounts never see it, and the user JWT that it ends with is dropped.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use portcullis_claims::{KeyError, KeyKind, SigningKey};
use portcullis_core::{
    AuthorizationRequest, Authorizer, Client, ClientKind, Credentials, Decision, Denial,
    DenialClass, Identity, Method, Outcome, PolicyName, PublicKey, Secret, Server, Transport,
};
use portcullis_environment::Clock;

use crate::authority::Authority;
use crate::decide::decide;
use crate::identify::identify;
use crate::imitation::OWN_LOGIN;
use crate::issuers::Issuers;

/// The methods of own logins. The others need a proof, which no host can make up.
const METHODS: [Method; 3] = [Method::Password, Method::Token, Method::None];

/// The result of the own logins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OwnLogins {
    /// Every own login was decided: permitted, denied or refused by a rule of the host. Also for an
    /// authorizer that makes no dry runs.
    Decided,
    /// An own login found no decision slot in time, because the host is busy with clients.
    Postponed,
    /// An own login was not decided.
    Failed(FailedOwnLogin),
}

/// An own login that was not decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedOwnLogin {
    /// The method of the login.
    pub method: Method,
    /// The policy that failed. `None` if no policy did.
    pub policy: Option<PolicyName>,
    /// The reason.
    pub denial: Denial,
}

impl FailedOwnLogin {
    /// Returns whether the login was too late, which may be due to a busy machine.
    pub const fn is_late(&self) -> bool {
        matches!(
            self.denial.class,
            DenialClass::PolicyDeadline | DenialClass::Deadline | DenialClass::IdentityUnavailable
        )
    }
}

/// Writes the reason in one sentence for operators.
impl std::fmt::Display for FailedOwnLogin {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let method = self.method.as_str();
        write!(
            formatter,
            "a login of method `{method}` that the host made up was not decided: "
        )?;
        if let Some(policy) = &self.policy {
            write!(formatter, "policy `{policy}`: ")?;
        }
        // A policy writes parts of some reasons, and a line break would end the line of `/readyz`.
        let reason = self.denial.reason.replace(char::is_control, " ");
        write!(formatter, "{}: {reason}", self.denial.class)
    }
}

impl<A: Authorizer, C: Clock + Clone> Authority<A, C> {
    /// Makes an own login of each method that needs no proof, within `limit` each. Drops the user
    /// JWT that `issuers` sign for a permit.
    pub async fn make_own_logins(&self, issuers: &Issuers, limit: Duration) -> OwnLogins {
        for method in METHODS {
            let decision = self.make_own_login(method, issuers, limit).await;
            let decision =
                decision.unwrap_or_else(|denial| Decision::deny(denial.class, denial.reason));
            let Outcome::Deny(denial) = decision.outcome else {
                continue;
            };
            match denial.class {
                // Without any policy, the authorizer says so itself. A host whose chains are for
                // certain logins only has no policy for an own login.
                DenialClass::NoPolicy => {}
                DenialClass::Overloaded => return OwnLogins::Postponed,
                class if class.is_decided() => {}
                _ => {
                    let policy = decision.policy.map(|policy| policy.name.clone());
                    return OwnLogins::Failed(FailedOwnLogin {
                        method,
                        policy,
                        denial,
                    });
                }
            }
        }
        OwnLogins::Decided
    }

    /// Takes an own login through the path, within `limit`.
    async fn make_own_login(
        &self,
        method: Method,
        issuers: &Issuers,
        limit: Duration,
    ) -> Result<Decision, Denial> {
        let rules = self.rules();
        let mut request = own_login(method, self.admission.unix_seconds()).map_err(|error| {
            let reason = format!("no user nkey is made: {error}");
            Denial::new(DenialClass::Internal, reason)
        })?;
        let _slot = self
            .admission
            .uncounted_slot(self.admission.now() + limit)
            .await?;
        let deadline = self.admission.now() + limit;
        request.identity = identify(&rules.identifier, &request, deadline).await?;
        let request = Arc::new(request);
        let decision = self.authorizer().dry_run(Arc::clone(&request), deadline);
        let decision = decision.map(|decision| {
            let reason = "the authorizer makes no dry runs";
            decision.unwrap_or_else(|| Decision::deny(DenialClass::NoPolicy, reason))
        });
        let permits = &rules.permits;
        let decision = decide(decision, Arc::clone(&request), deadline, permits, |_| {}).await;
        Ok(signed(decision, &request, issuers))
    }
}

/// Returns the decision, with a denial in place of a permit that `issuers` do not sign.
fn signed(decision: Decision, request: &AuthorizationRequest, issuers: &Issuers) -> Decision {
    let Outcome::Permit(permit) = &decision.outcome else {
        return decision;
    };
    let policy = decision.policy.as_deref();
    match issuers.user_jwt(request, permit, policy, request.received_at) {
        // INVARIANT: the user JWT of an own login is dropped here, and so is the seed of its nkey.
        Ok(_) => decision,
        Err(error) => Decision {
            outcome: Outcome::Deny(Denial::new(error.class(), error.to_string())),
            ..decision
        },
    }
}

/// Returns an own login of this method. The seed of its user nkey is dropped, so no client could
/// use a user JWT for it.
fn own_login(method: Method, now: u64) -> Result<AuthorizationRequest, KeyError> {
    let seed = SigningKey::generate_seed(KeyKind::User)?;
    let user_nkey = SigningKey::from_seed(seed.expose(), KeyKind::User)?;
    let secret = || Some(Secret::new(OWN_LOGIN));
    let mut credentials = Credentials::default();
    match method {
        Method::Password => {
            credentials.username = Some(OWN_LOGIN.to_owned());
            credentials.password = secret();
        }
        Method::Token => credentials.token = secret(),
        _ => {}
    }
    let no_key = [0; PublicKey::LEN];
    Ok(AuthorizationRequest {
        user_nkey: user_nkey.as_public().clone(),
        server: Server::new(PublicKey::from_bytes(KeyKind::Server, no_key)),
        client: Client {
            host: Some("127.0.0.1".to_owned()),
            kind: Some(ClientKind::Client),
            transport: Some(Transport::Nats),
            name: Some(OWN_LOGIN.to_owned()),
            user: credentials.username.clone(),
            ..Client::default()
        },
        identity: Identity::claimed(&credentials),
        credentials,
        received_at: now,
    })
}

#[cfg(test)]
mod tests;
