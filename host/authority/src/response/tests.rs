//! Users of the token exchange. The tests of `portcullis-callout` have the responses to servers.

use std::collections::BTreeMap;

use portcullis_claims::{IssuerKey, UserClaims};
use portcullis_core::{ClientKind, PermitBuilder};

use super::*;
use crate::fixtures::NOW;
use crate::issuers::{AccountIssuer, OperatorIssuers};

fn key() -> IssuerKey {
    IssuerKey::from_seed(IssuerKey::generate_seed().unwrap().expose()).unwrap()
}

/// Returns keys for the account `APP`, whose key is `own`, with the role `reader`.
fn issuers(own: IssuerKey, reader: IssuerKey) -> Issuers {
    let app = AccountIssuer {
        key: own.public_key().parse().unwrap(),
        issuer: Some(own),
        roles: BTreeMap::from([("reader".to_owned(), reader)]),
    };
    let callout = key();
    let account = callout.public_key().parse().unwrap();
    let accounts = BTreeMap::from([("APP".parse().unwrap(), app)]);
    Issuers::Operator(Box::new(OperatorIssuers::new(account, callout, accounts)))
}

fn request() -> AuthorizationRequest {
    let mut request = crate::fixtures::request();
    request.client.kind = Some(ClientKind::Exchange);
    request.client.name = Some("laptop".to_owned());
    request
}

#[test]
fn a_caller_names_its_user_unless_a_template_could_read_the_name() {
    let issuers = issuers(key(), key());
    let name = |role: Option<&str>, user_name: Option<&str>| {
        let mut permit = Permit::builder("APP", NOW);
        if let Some(role) = role {
            permit.role(role);
        }
        if let Some(user_name) = user_name {
            permit.user_name(user_name);
        }
        let permit = permit.finish().unwrap();
        let user = issuers.user_for_exchange(&request(), &permit, None, NOW);
        UserClaims::decode(&user.unwrap().jwt).unwrap().name
    };
    assert_eq!(name(None, None).as_deref(), Some("laptop"));
    assert_eq!(name(None, Some("alice")).as_deref(), Some("alice"));
    assert_eq!(name(Some("reader"), None), None);
    assert_eq!(
        name(Some("reader"), Some("alice")).as_deref(),
        Some("alice")
    );
}

#[test]
fn a_role_whose_seed_is_the_accounts_own_makes_no_user() {
    let seed = IssuerKey::generate_seed().unwrap();
    let own = || IssuerKey::from_seed(seed.expose()).unwrap();
    let mut permit = Permit::builder("APP", NOW);
    permit.role("reader");
    let permit = permit.finish().unwrap();
    let error = issuers(own(), own()).user_for_exchange(&request(), &permit, None, NOW);
    let error = error.unwrap_err();
    assert!(
        matches!(error, ResponseError::RoleWithoutScope(_)),
        "{error}"
    );
}

#[test]
fn networks_types_and_limits_are_for_the_server_to_enforce() {
    let mut permit = Permit::builder("APP", NOW);
    permit.source_allow("192.0.2.0/24");
    permit.connection_type_allow("MQTT");
    permit.connection_type_allow("LEAFNODE_WS");
    permit.limit_payload(512);
    let permit = permit.finish().unwrap();
    let user = issuers(key(), key()).user_for_exchange(&request(), &permit, None, NOW);
    let user = UserClaims::decode(&user.unwrap().jwt).unwrap();
    assert_eq!(user.nats.sources, ["192.0.2.0/24"]);
    assert_eq!(user.nats.allowed_connection_types, ["MQTT", "LEAFNODE_WS"]);
    assert_eq!(user.nats.payload, 512);
}

#[test]
fn a_role_drops_no_network_and_no_connection_type() {
    let bounded = |bound: fn(&mut PermitBuilder)| {
        let mut permit = Permit::builder("APP", NOW);
        permit.role("reader");
        bound(&mut permit);
        let permit = permit.finish().unwrap();
        issuers(key(), key())
            .user_for_exchange(&request(), &permit, None, NOW)
            .unwrap_err()
    };
    for error in [
        bounded(|permit| permit.source_allow("192.0.2.0/24")),
        bounded(|permit| permit.connection_type_allow("MQTT")),
    ] {
        assert_eq!(error.class(), DenialClass::InvalidPermit, "{error}");
    }
}
