//! Tests of sealed responses.

use std::collections::BTreeMap;
use std::sync::Arc;

use portcullis_authority::{AccountIssuer, Issuers, OperatorIssuers};
use portcullis_claims::{CurveKey, IssuerKey, PublicKey, ResponseClaims, SubjectRule, UserClaims};
use portcullis_core::{Permit, PermitBuilder};

use super::*;
use crate::fixtures::{NOW, options, permit, request};
use crate::keys::ResponseKeys;

const MAX_PAYLOAD: usize = 1 << 20;

fn to(now: u64) -> Recipient {
    Recipient {
        now,
        largest: MAX_PAYLOAD,
    }
}

/// Returns the keys for the response to a plain request.
fn config() -> ResponseKeys {
    plain(Arc::clone(options().keys.main()))
}

fn plain(issuers: impl Into<Arc<Issuers>>) -> ResponseKeys {
    ResponseKeys {
        issuers: issuers.into(),
        sealing: None,
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
    let (keys, request) = (config(), request());
    let mut builder = Permit::builder("APP", NOW);
    builder.publish_allow("alice.>");
    builder.expires_in(60);
    builder.tag("team:red");
    let decision = permit(builder.finish().unwrap());
    let response = seal(&request, &decision, &keys, to(NOW + 1)).unwrap();

    let (response, user) = opened(&response);
    let user = user.unwrap();
    let issuer = Some(keys.issuers.request_subject());
    assert_eq!(
        response.audience.as_deref(),
        Some(request.server.id.as_str())
    );
    assert_eq!(
        response.subject.as_deref(),
        Some(request.user_nkey.as_str())
    );
    assert_eq!(response.issuer.as_deref(), issuer);
    assert_eq!(user.subject.as_deref(), Some(request.user_nkey.as_str()));
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
    let version = format!("policy-version:sha256:{}", "cd".repeat(32));
    assert_eq!(
        user.nats.tags,
        [
            "team:red",
            "policy:staff",
            &digest,
            &version,
            "policy-generation:7"
        ]
    );
}

#[test]
fn a_refusal_carries_class_and_reason_and_no_jwt() {
    let (keys, request) = (config(), request());
    let decision = Decision::deny(DenialClass::PolicyDenied, "wrong\npassword");
    let response = seal(&request, &decision, &keys, to(NOW)).unwrap();
    let (response, user) = opened(&response);
    assert!(user.is_none());
    assert_eq!(response.nats.error(), Some("policy-denied: wrong password"));
}

#[test]
fn what_the_server_would_refuse_does_not_leave() {
    let (keys, request) = (config(), request());
    let mut builder = Permit::builder("APP", NOW);
    builder.expires_in(60);
    let decision = permit(builder.finish().unwrap());
    // The permit held when the request arrived, but its response is sealed too late.
    let error = seal(&request, &decision, &keys, to(NOW + 61)).unwrap_err();
    assert!(
        matches!(error, SealError::Response(ResponseError::Preflight(_))),
        "{error}"
    );
}

#[test]
fn a_response_that_the_server_cannot_take_does_not_leave() {
    let (keys, request) = (config(), request());
    let mut builder = Permit::builder("APP", NOW);
    for number in 0..100 {
        builder.publish_allow(&format!("subject.{number}"));
    }
    let decision = permit(builder.finish().unwrap());
    let error = seal(
        &request,
        &decision,
        &keys,
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

/// Returns keys of operator mode: a callout account and `APP`, both with signing keys. `APP` has
/// the role `reader`.
fn operator() -> ResponseKeys {
    let account = |key: IssuerKey| key.public_key().parse::<PublicKey>().unwrap();
    let app = AccountIssuer {
        key: account(key()),
        issuer: Some(key()),
        roles: BTreeMap::from([("reader".to_owned(), key())]),
    };
    let accounts = BTreeMap::from([("APP".parse().unwrap(), app)]);
    let operator = OperatorIssuers::new(account(key()), key(), accounts);
    plain(Issuers::Operator(Box::new(operator)))
}

fn app(keys: &ResponseKeys) -> &AccountIssuer {
    let Issuers::Operator(operator) = &*keys.issuers else {
        panic!("not in operator mode")
    };
    operator.account(&"APP".parse().unwrap()).unwrap()
}

#[test]
fn in_operator_mode_each_account_signs_its_own_users() {
    let (keys, request) = (operator(), request());
    let mut builder = Permit::builder("APP", NOW);
    builder.publish_allow("alice.>");
    let decision = permit(builder.finish().unwrap());
    let (response, user) = opened(&seal(&request, &decision, &keys, to(NOW)).unwrap());
    let user = user.unwrap();
    let app = app(&keys);
    assert_eq!(
        user.issuer.as_deref(),
        app.issuer.as_ref().map(IssuerKey::public_key)
    );
    assert_eq!(user.nats.issuer_account.as_deref(), Some(app.key.as_str()));
    assert_eq!(user.audience, None, "the account is the signer's");
    assert_eq!(user.nats.publish.allow, ["alice.>"]);
    assert_eq!(
        response.nats.issuer_account(),
        Some(keys.issuers.request_subject())
    );
}

#[test]
fn a_role_brings_its_own_permissions() {
    let (keys, request) = (operator(), request());
    let mut builder = Permit::builder("APP", NOW);
    builder.role("reader");
    builder.user_name("alice");
    let decision = permit(builder.finish().unwrap());
    let (_, user) = opened(&seal(&request, &decision, &keys, to(NOW)).unwrap());
    let user = user.unwrap();
    let reader = app(&keys).roles["reader"].public_key();
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
fn a_role_whose_seed_is_the_accounts_own_admits_no_client() {
    let own = IssuerKey::generate_seed().unwrap();
    let own = || IssuerKey::from_seed(own.expose()).unwrap();
    let app = AccountIssuer {
        key: own().public_key().parse().unwrap(),
        issuer: None,
        roles: BTreeMap::from([("reader".to_owned(), own())]),
    };
    let accounts = BTreeMap::from([("APP".parse().unwrap(), app)]);
    let callout = key().public_key().parse().unwrap();
    let operator = OperatorIssuers::new(callout, key(), accounts);
    let keys = plain(Issuers::Operator(Box::new(operator)));
    let mut builder = Permit::builder("APP", NOW);
    builder.role("reader");
    let decision = permit(builder.finish().unwrap());
    let error = seal(&request(), &decision, &keys, to(NOW)).unwrap_err();
    assert!(
        matches!(
            error,
            SealError::Response(ResponseError::RoleWithoutScope(_))
        ),
        "{error}"
    );
}

#[test]
fn an_unsignable_permit_is_the_policys_fault() {
    let (keys, request) = (operator(), request());
    let class = |account: &str, role: Option<&str>| {
        let mut builder = Permit::builder(account, NOW);
        if let Some(role) = role {
            builder.role(role);
        }
        let decision = permit(builder.finish().unwrap());
        seal(&request, &decision, &keys, to(NOW))
            .unwrap_err()
            .class()
    };
    assert_eq!(class("OTHER", None), DenialClass::AccountNotAllowed);
    assert_eq!(class("APP", Some("writer")), DenialClass::RoleNotAllowed);
}

#[test]
fn an_encrypted_request_gets_an_encrypted_response() {
    let curve = || CurveKey::from_seed(CurveKey::generate_seed().unwrap().expose()).unwrap();
    let (request, server, own) = (request(), curve(), Arc::new(curve()));
    let our_key = own.public_key().parse().unwrap();
    let keys = ResponseKeys {
        sealing: Some(Sealing {
            own,
            server: server.public_key().parse().unwrap(),
        }),
        ..config()
    };
    let decision = Decision::deny(DenialClass::PolicyDenied, "no");
    let response = seal(&request, &decision, &keys, to(NOW)).unwrap();
    assert!(portcullis_claims::is_sealed(&response));
    let plain = server.open(&response, &our_key).unwrap();
    let (response, _) = opened(&Bytes::from(plain.to_vec()));
    assert_eq!(response.nats.error(), Some("policy-denied: no"));
}

/// Returns the error for a permit at `time` (hours and minutes of 2027-01-15, UTC) for a server of
/// `version`, with `change` made to the permit.
fn refused(
    time: (u64, u64),
    version: Option<&str>,
    change: impl FnOnce(&mut PermitBuilder),
) -> SealError {
    // `NOW` is 08:00:00 UTC.
    assert_eq!(NOW % (24 * 3600), 8 * 3600);
    let now = NOW - 8 * 3600 + time.0 * 3600 + time.1 * 60;
    let mut request = request();
    request.server.version = version.map(str::to_owned);
    let mut builder = Permit::builder("APP", now);
    change(&mut builder);
    let decision = permit(builder.finish().unwrap());
    seal(&request, &decision, &config(), to(now)).unwrap_err()
}

#[test]
fn a_login_at_another_time_of_the_day_has_no_blame() {
    let (day, night) = (("08:00:00", "17:30:00"), ("22:00:00", "06:00:00"));
    for (time, version, (start, end), explains_midnight) in [
        ((20, 0), Some("2.15.1"), day, false),
        ((20, 0), None, day, false),
        ((12, 0), Some("2.15.1"), night, true),
        ((3, 0), Some("2.10.26"), night, true),
    ] {
        let error = refused(time, version, |permit| {
            permit.time_allow(start, end);
            permit.times_location("UTC");
        });
        assert_eq!(error.class(), DenialClass::TimeNotAllowed, "{error}");
        assert_eq!(error.class().blame(), None);
        let reason = error.to_string();
        let times = format!("`{start}` to `{end}` in `UTC`");
        assert!(reason.contains(&times), "{reason}");
        assert_eq!(reason.contains("midnight"), explains_midnight, "{reason}");
    }
}

#[test]
fn what_no_server_could_hold_to_is_the_policys_fault() {
    for (version, zone, proxy, says) in [
        (
            Some("2.15.1"),
            Some("Mars/Olympus"),
            false,
            "`Mars/Olympus`",
        ),
        (Some("2.15.1"), Some("Local"), false, "`Local`"),
        (Some("2.15.1"), None, false, "name one"),
        (Some("2.10.26"), Some("UTC"), true, "this one is `2.10.26`"),
        (None, Some("UTC"), true, "does not say which it is"),
    ] {
        let error = refused((12, 0), version, |permit| {
            permit.time_allow("00:00:00", "23:59:59");
            if let Some(zone) = zone {
                permit.times_location(zone);
            }
            if proxy {
                permit.proxy_required();
            }
        });
        assert_eq!(error.class(), DenialClass::InvalidPermit, "{error}");
        assert!(error.to_string().contains(says), "{error}");
    }
}

#[rstest::rstest]
#[case(Some("2.15.3"), true)]
#[case(Some("2.14.10"), true)]
#[case(Some("2.16.0"), true)]
#[case(Some("2.15.2"), false)]
#[case(Some("2.12.15"), false)]
#[case(None, false)]
fn limits_are_granted_where_the_server_enforces_them(
    #[case] version: Option<&str>,
    #[case] is_granted: bool,
) {
    let (keys, mut request) = (config(), request());
    request.server.version = version.map(str::to_owned);
    let mut builder = Permit::builder("APP", NOW);
    builder.limit_subscriptions(5);
    builder.limit_payload(1024);
    let decision = permit(builder.finish().unwrap());
    match seal(&request, &decision, &keys, to(NOW)) {
        Ok(response) => {
            let (_, user) = opened(&response);
            let user = user.unwrap();
            assert!(is_granted, "{version:?}");
            assert_eq!((user.nats.subs, user.nats.payload), (5, 1024));
        }
        Err(error) => {
            assert!(!is_granted, "{error}");
            assert_eq!(error.class(), DenialClass::InvalidPermit);
            let said = error.to_string();
            assert!(said.contains(version.unwrap_or("does not say")), "{said}");
        }
    }
}
