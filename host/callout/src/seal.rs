//! Seal: from a decision to a signed response that the server will accept.

use bytes::Bytes;
use portcullis_claims::{
    Answer, BoxError, EffectivePermissions, LoginFacts, PublicKey, Refusal, ResponseClaims,
    ServerVerdict, SignError, Signatures, UserClaims, preflight_for,
};
use portcullis_core::{AuthorizationRequest, Decision, DenialClass, Outcome, Permit, PolicyRef};

use crate::issuers::{NoIssuer, UserIssuer};
use crate::service::ServiceOptions;

/// A response could not be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SealError {
    /// Nobody signs for this permit.
    #[error(transparent)]
    Issuer(#[from] NoIssuer),
    /// Signing failed.
    #[error("cannot sign the response")]
    Sign(#[from] SignError),
    /// The server would refuse it.
    #[error("the server would refuse the response")]
    Preflight(#[from] Refusal),
    /// The server would close the connection over it.
    #[error("the response has {size} bytes, the server takes {largest} (`max_payload`)")]
    TooLarge {
        /// What it has, in bytes.
        size: usize,
        /// What is possible, in bytes.
        largest: usize,
    },
    /// A role whose key has no scope: its users would have every permission.
    #[error(
        "the seed of role `{0}` is the account's own or a plain signing key: it brings no permissions, and servers read \
         none as all; name the seed of the scoped signing key"
    )]
    RoleWithoutScope(String),
    /// Encryption failed.
    #[error("cannot encrypt the response")]
    Box(#[from] BoxError),
    /// The request was opened with a key that is gone.
    #[error("the request was encrypted and there is no xkey to answer with")]
    NoXkey,
}

/// Where a response goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Recipient<'a> {
    /// Now, in seconds since the Unix epoch.
    pub(crate) now: u64,
    /// The most bytes the server takes in one message.
    pub(crate) largest: usize,
    /// The server's xkey, if it encrypted the request.
    pub(crate) xkey: Option<&'a PublicKey>,
}

impl SealError {
    /// Which refusal it comes to: what a permit asks for and nobody can sign is the policy's doing.
    pub(crate) const fn class(&self) -> DenialClass {
        match self {
            Self::Issuer(NoIssuer::Account(_)) => DenialClass::AccountNotAllowed,
            Self::Issuer(NoIssuer::PermissionsBesideRole(_) | NoIssuer::BoundsBesideRole(_)) => {
                DenialClass::InvalidPermit
            }
            Self::Issuer(_) => DenialClass::RoleNotAllowed,
            _ => DenialClass::InvalidResponse,
        }
    }
}

/// Signs the response to `request` that `decision` comes to, and encrypts it if the request was.
pub(crate) fn seal(
    request: &AuthorizationRequest,
    decision: &Decision,
    options: &ServiceOptions,
    to: Recipient<'_>,
) -> Result<Bytes, SealError> {
    let response = signed(request, decision, options, to.now)?;
    let response = match to.xkey {
        None => response.into(),
        Some(server) => {
            let xkey = options.xkey.as_ref().ok_or(SealError::NoXkey)?;
            Bytes::from(xkey.seal(response.as_bytes(), server)?)
        }
    };
    let (size, largest) = (response.len(), to.largest);
    if size > largest {
        return Err(SealError::TooLarge { size, largest });
    }
    Ok(response)
}

fn signed(
    request: &AuthorizationRequest,
    decision: &Decision,
    options: &ServiceOptions,
    now: u64,
) -> Result<String, SealError> {
    let issuers = &options.issuers;
    let answer = match &decision.outcome {
        Outcome::Permit(permit) => {
            let issuer = issuers.for_permit(permit)?;
            Answer::Jwt(user_jwt(
                request,
                permit,
                decision.policy.as_ref(),
                issuer,
                now,
            )?)
        }
        Outcome::Deny(denial) => Answer::Error(denial.to_string()),
    };
    let response = ResponseClaims::new(&request.user_nkey, &request.server.id, answer, now)
        .for_account(issuers.response_account())
        .sign(issuers.response())?;
    let login = LoginFacts {
        user_nkey: &request.user_nkey,
        server_id: &request.server.id,
        client_user: request.client.user.as_deref(),
        proxied: false,
        sealed: false,
    };
    let version = request.server.version.as_deref();
    let version = version.and_then(|version| version.parse().ok());
    let mode = issuers.server_mode();
    let verdict = preflight_for(&response, &login, &mode, version, now, Signatures::Trust)?;
    if let Outcome::Permit(permit) = &decision.outcome
        && let Some(role) = &permit.role
        && !gives_role(&verdict)
    {
        return Err(SealError::RoleWithoutScope(role.clone()));
    }
    Ok(response)
}

fn gives_role(verdict: &ServerVerdict) -> bool {
    match verdict {
        ServerVerdict::Accepted(accepted) => {
            matches!(accepted.permissions, EffectivePermissions::Role(..))
        }
        ServerVerdict::Denied(_) => false,
    }
}

fn user_jwt(
    request: &AuthorizationRequest,
    permit: &Permit,
    policy: Option<&PolicyRef>,
    issuer: UserIssuer<'_>,
    now: u64,
) -> Result<String, SignError> {
    let claims = UserClaims::from_permit(&request.user_nkey, permit, now)
        .with_tags(policy.into_iter().flat_map(provenance));
    let claims = match issuer {
        UserIssuer::Config(_) => claims,
        UserIssuer::Operator {
            account,
            issuer,
            scoped,
        } => {
            // The account's own key speaks for itself.
            let speaks_for = (issuer.public_key() != account.as_str()).then_some(account.as_str());
            let claims = claims.in_operator_mode(speaks_for);
            if scoped { claims.scoped() } else { claims }
        }
    };
    claims.sign(issuer.key())
}

/// Tags that lead from a connection to the bytes that let it in.
fn provenance(policy: &PolicyRef) -> [String; 3] {
    [
        format!("policy:{}", policy.name),
        format!("policy-digest:{}", policy.digest),
        format!("policy-generation:{}", policy.generation),
    ]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use portcullis_claims::{CurveKey, IssuerKey, SubjectRule};

    use super::*;
    use crate::fixtures::{NOW, options, permit, request};
    use crate::{AccountIssuer, Issuers, OperatorIssuers};

    const LARGEST: usize = 1 << 20;

    fn to(now: u64) -> Recipient<'static> {
        Recipient {
            now,
            largest: LARGEST,
            xkey: None,
        }
    }

    fn opened(response: &Bytes) -> (ResponseClaims, Option<UserClaims>) {
        let text = std::str::from_utf8(response).unwrap();
        let response = ResponseClaims::decode(text).unwrap();
        let user = response
            .nats
            .jwt()
            .map(|jwt| UserClaims::decode(jwt).unwrap());
        (response, user)
    }

    #[test]
    fn a_permit_becomes_a_user_jwt_that_names_the_policy() {
        let (options, request) = (options(), request());
        let mut builder = Permit::builder("APP", NOW);
        builder.publish_allow("alice.>");
        builder.expires_in(60);
        builder.tag("team:red");
        let decision = permit(builder.finish().unwrap());
        let response = seal(&request, &decision, &options, to(NOW + 1)).unwrap();

        let (response, user) = opened(&response);
        let user = user.unwrap();
        let issuer = Some(options.issuers.request_subject());
        assert_eq!(response.audience.as_ref(), Some(&request.server.id));
        assert_eq!(response.subject.as_ref(), Some(&request.user_nkey));
        assert_eq!(response.issuer.as_deref(), issuer);
        assert_eq!(user.subject.as_ref(), Some(&request.user_nkey));
        assert_eq!(user.issuer.as_deref(), issuer);
        assert_eq!(user.audience.as_deref(), Some("APP"));
        assert_eq!(
            user.name, None,
            "a name that no policy vouches for is not signed"
        );
        assert_eq!(
            (user.issued_at, user.expires_at),
            (Some(NOW + 1), Some(NOW + 60))
        );
        assert_eq!(user.nats.publish.allow, ["alice.>"]);
        assert_eq!(
            user.nats.subscribe.deny,
            [">"],
            "nothing allowed is everything denied"
        );
        let digest = format!("policy-digest:sha256:{}", "ab".repeat(32));
        assert_eq!(
            user.nats.tags,
            ["team:red", "policy:staff", &digest, "policy-generation:7"]
        );
    }

    #[test]
    fn a_refusal_carries_class_and_reason_and_no_jwt() {
        let (options, request) = (options(), request());
        let decision = Decision::deny(DenialClass::PolicyDenied, "wrong\npassword");
        let response = seal(&request, &decision, &options, to(NOW)).unwrap();
        let (response, user) = opened(&response);
        assert!(user.is_none());
        assert_eq!(response.nats.error(), Some("policy-denied: wrong password"));
    }

    #[test]
    fn what_the_server_would_refuse_does_not_leave() {
        let (options, request) = (options(), request());
        let mut builder = Permit::builder("APP", NOW);
        builder.expires_in(60);
        let decision = permit(builder.finish().unwrap());
        // The permit was good when the request came; it is sealed too late.
        let error = seal(&request, &decision, &options, to(NOW + 61)).unwrap_err();
        assert!(matches!(error, SealError::Preflight(_)), "{error}");
    }

    #[test]
    fn a_response_that_the_server_cannot_take_does_not_leave() {
        let (options, request) = (options(), request());
        let mut builder = Permit::builder("APP", NOW);
        for number in 0..100 {
            builder.publish_allow(&format!("subject.{number}"));
        }
        let decision = permit(builder.finish().unwrap());
        let error = seal(
            &request,
            &decision,
            &options,
            Recipient {
                largest: 1000,
                ..to(NOW)
            },
        )
        .unwrap_err();
        assert!(matches!(error, SealError::TooLarge { .. }), "{error}");
    }

    fn key() -> IssuerKey {
        IssuerKey::from_seed(IssuerKey::generate_seed().unwrap().expose()).unwrap()
    }

    /// Operator mode: a callout account and `APP`, both with signing keys; `APP` has the role `reader`.
    fn operator() -> ServiceOptions {
        let account = |key: IssuerKey| key.public_key().parse::<PublicKey>().unwrap();
        let app = AccountIssuer {
            key: account(key()),
            issuer: Some(key()),
            roles: BTreeMap::from([("reader".to_owned(), key())]),
        };
        let accounts = BTreeMap::from([("APP".to_owned(), app)]);
        let operator = OperatorIssuers::new(account(key()), key(), accounts);
        ServiceOptions {
            issuers: Issuers::Operator(Box::new(operator)),
            ..options()
        }
    }

    fn app(options: &ServiceOptions) -> &AccountIssuer {
        let Issuers::Operator(operator) = &options.issuers else {
            panic!("not in operator mode")
        };
        operator.account("APP").unwrap()
    }

    #[test]
    fn in_operator_mode_each_account_signs_its_own_users() {
        let (options, request) = (operator(), request());
        let mut builder = Permit::builder("APP", NOW);
        builder.publish_allow("alice.>");
        let decision = permit(builder.finish().unwrap());
        let (response, user) = opened(&seal(&request, &decision, &options, to(NOW)).unwrap());
        let user = user.unwrap();
        let app = app(&options);
        assert_eq!(
            user.issuer.as_deref(),
            app.issuer.as_ref().map(IssuerKey::public_key)
        );
        assert_eq!(user.nats.issuer_account.as_deref(), Some(app.key.as_str()));
        assert_eq!(user.audience, None, "the account is the signer's");
        assert_eq!(user.nats.publish.allow, ["alice.>"]);
        assert_eq!(
            response.nats.issuer_account(),
            Some(options.issuers.request_subject())
        );
    }

    #[test]
    fn a_role_brings_its_own_permissions() {
        let (options, request) = (operator(), request());
        let mut builder = Permit::builder("APP", NOW);
        builder.role("reader");
        builder.user_name("alice");
        let decision = permit(builder.finish().unwrap());
        let (_, user) = opened(&seal(&request, &decision, &options, to(NOW)).unwrap());
        let user = user.unwrap();
        let reader = app(&options).roles["reader"].public_key();
        assert_eq!(user.issuer.as_deref(), Some(reader));
        assert_eq!(user.name.as_deref(), Some("alice"));
        assert_eq!(user.nats.publish, SubjectRule::default());
        assert_eq!(user.nats.subscribe, SubjectRule::default());
        assert_eq!(
            (user.nats.subs, user.nats.data, user.nats.payload),
            (0, 0, 0)
        );
    }

    #[test]
    fn a_role_whose_seed_is_the_accounts_own_gets_nobody_in() {
        let own = IssuerKey::generate_seed().unwrap();
        let own = || IssuerKey::from_seed(own.expose()).unwrap();
        let app = AccountIssuer {
            key: own().public_key().parse().unwrap(),
            issuer: None,
            roles: BTreeMap::from([("reader".to_owned(), own())]),
        };
        let accounts = BTreeMap::from([("APP".to_owned(), app)]);
        let callout = key().public_key().parse().unwrap();
        let operator = OperatorIssuers::new(callout, key(), accounts);
        let options = ServiceOptions {
            issuers: Issuers::Operator(Box::new(operator)),
            ..options()
        };
        let mut builder = Permit::builder("APP", NOW);
        builder.role("reader");
        let decision = permit(builder.finish().unwrap());
        let error = seal(&request(), &decision, &options, to(NOW)).unwrap_err();
        assert!(matches!(error, SealError::RoleWithoutScope(_)), "{error}");
    }

    #[test]
    fn what_nobody_signs_is_the_policys_doing() {
        let (options, request) = (operator(), request());
        let class = |account: &str, role: Option<&str>| {
            let mut builder = Permit::builder(account, NOW);
            if let Some(role) = role {
                builder.role(role);
            }
            let decision = permit(builder.finish().unwrap());
            seal(&request, &decision, &options, to(NOW))
                .unwrap_err()
                .class()
        };
        assert_eq!(class("OTHER", None), DenialClass::AccountNotAllowed);
        assert_eq!(class("APP", Some("writer")), DenialClass::RoleNotAllowed);
    }

    #[test]
    fn an_encrypted_request_gets_an_encrypted_response() {
        let curve = || CurveKey::from_seed(CurveKey::generate_seed().unwrap().expose()).unwrap();
        let (mut options, request, server) = (options(), request(), curve());
        let ours = curve();
        let our_key = ours.public_key().parse().unwrap();
        options.xkey = Some(ours);
        let decision = Decision::deny(DenialClass::PolicyDenied, "no");
        let server_key = server.public_key().parse().unwrap();
        let to = Recipient {
            xkey: Some(&server_key),
            ..to(NOW)
        };
        let response = seal(&request, &decision, &options, to).unwrap();
        assert!(portcullis_claims::is_sealed(&response));
        let plain = server.open(&response, &our_key).unwrap();
        let (response, _) = opened(&Bytes::from(plain.to_vec()));
        assert_eq!(response.nats.error(), Some("policy-denied: no"));
    }
}
