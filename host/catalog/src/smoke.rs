//! Smoke decisions, before a version serves: a bare login of each method, and the logins that
//! earlier versions have decided.
//!
//! A policy that traps or loops in every `decide` still accepts its settings. Any verdict passes,
//! because values are made up: all of a bare login, and the secrets of a login that was decided. A
//! decision without a verdict fails.

use std::sync::Arc;
use std::time::Duration;

use portcullis_core::{
    AuthorizationRequest, Certificate, Claims, Client, ClientKind, ClientTls, Credentials,
    FixedKeyValues, Identity, KeyKind, KeyValues, Method, PresentedNkey, PublicKey, Secret, Server,
    Strength, Transport,
};
use portcullis_engine::{EvaluationError, Policy};
use portcullis_environment::Clock;

use crate::attempts::{decide_in_time, is_late};
use crate::paths::Paths;
use crate::policy_tests::NOW;
use crate::seen::SeenLogin;
use crate::unit_error::{UnitError, UnitProblem};

/// Maximum time of one decision. The policy's own deadline applies too; the difference leaves room
/// for slow password hashes.
const DEADLINE: Duration = Duration::from_secs(30);
/// The user name, password and other text values of every login.
const NAME: &str = "portcullis-smoke";
/// The bytes of the nkeys of every login, which belong to no user and no server.
const NO_KEY: [u8; PublicKey::LEN] = [0; PublicKey::LEN];

/// Evaluates `policy` on one login of each method, and on `seen`.
///
/// # Errors
///
/// Fails if a decision fails for another reason than the login's made-up values.
pub(crate) fn check(
    policy: &Policy,
    seen: &[SeenLogin],
    paths: &Paths,
    clock: &dyn Clock,
) -> Result<(), UnitError> {
    let bare = Method::ALL.map(|method| (login(method), false));
    // A login that policy tests cannot describe is not tried: the bare one of its method was.
    let seen = seen.iter().filter_map(SeenLogin::request);
    let logins = bare.into_iter().chain(seen.map(|request| (request, true)));
    let empty: Arc<dyn KeyValues> = Arc::new(FixedKeyValues::default().others_are_empty());
    for (request, is_seen) in logins {
        let method = request.identity.method;
        let request = Arc::new(request);
        let decide = || {
            policy
                .evaluate(Arc::clone(&request), clock.now() + DEADLINE)
                .with_key_values(&empty)
                .run()
        };
        let decided = decide_in_time(decide, is_late);
        match decided {
            // Made-up values may result in an invalid permit.
            Ok(_) | Err(EvaluationError::InvalidPermit(_)) => {}
            Err(error) => {
                let problem = if is_seen {
                    UnitProblem::SmokeSeen { method, error }
                } else {
                    UnitProblem::Smoke { method, error }
                };
                return Err(UnitError::new(&paths.module, problem));
            }
        }
    }
    Ok(())
}

/// Returns a login of this method with made-up values.
pub(crate) fn login(method: Method) -> AuthorizationRequest {
    let (credentials, identity) = presented(method);
    AuthorizationRequest {
        user_nkey: PublicKey::from_bytes(KeyKind::User, NO_KEY),
        server: Server::new(PublicKey::from_bytes(KeyKind::Server, NO_KEY)),
        client: Client {
            host: Some("127.0.0.1".to_owned()),
            id: 1,
            kind: Some(ClientKind::Client),
            transport: Some(Transport::Nats),
            user: credentials.username.clone(),
            tls: identity.certificate.as_ref().map(|_| ClientTls {
                version: "1.3".to_owned(),
                ..ClientTls::default()
            }),
            ..Client::default()
        },
        credentials,
        identity,
        received_at: NOW,
    }
}

/// Returns the credentials of a login of this method, and the identity that they prove.
fn presented(method: Method) -> (Credentials, Identity) {
    let text = || Some(NAME.to_owned());
    let secret = || Some(Secret::new(NAME));
    let nkey = || PublicKey::from_bytes(KeyKind::User, NO_KEY);
    let mut credentials = Credentials::default();
    let mut identity = Identity {
        method,
        ..Identity::default()
    };
    match method {
        Method::Password => {
            (credentials.username, credentials.password) = (text(), secret());
            identity.principal = text();
        }
        Method::Token => credentials.token = secret(),
        Method::Jwt => credentials.jwt = secret(),
        Method::Nkey => {
            credentials.nkey = Some(PresentedNkey::Key(nkey()));
            identity.principal = Some(nkey().to_string());
            identity.nkey = Some(nkey());
            identity.strength = Strength::Proved;
        }
        Method::Oidc => {
            let claims = [("iss", NAME), ("sub", NAME)];
            let claims = claims.map(|(name, value)| (name.to_owned(), value.into()));
            credentials.token = secret();
            identity.principal = text();
            identity.issuer = text();
            identity.claims = Claims::new(claims.into_iter().collect());
            identity.strength = Strength::Proved;
        }
        Method::Certificate => {
            let name = format!("CN={NAME}");
            identity.principal = Some(name.clone());
            identity.issuer = Some(name.clone());
            identity.strength = Strength::Proved;
            identity.certificate = Some(Certificate {
                verified: true,
                subject: name.clone(),
                issuer: name,
                ..Certificate::default()
            });
        }
        Method::None => {}
    }
    (credentials, identity)
}
