//! Verdicts by mode and version, and the preflight that consists of them.

use nkeys::KeyPair;
use portcullis_core::ConnectionType;
use rstest::rstest;
use serde_json::{Value, json};

use super::super::*;
use crate::jwt::Signatures;
use crate::jwt::tests::{HEADER_JSON, token_of};

const NOW: u64 = 1_000;
const V2_10: ServerVersion = ServerVersion::new(2, 10, 26);
const V2_11: ServerVersion = ServerVersion::new(2, 11, 11);
const V2_12: ServerVersion = ServerVersion::new(2, 12, 8);
const V2_15_0: ServerVersion = ServerVersion::new(2, 15, 0);
const V2_15_1: ServerVersion = ServerVersion::new(2, 15, 1);
const V2_14_8: ServerVersion = ServerVersion::new(2, 14, 8);
const V2_14_9: ServerVersion = ServerVersion::new(2, 14, 9);
const V2_15_2: ServerVersion = ServerVersion::new(2, 15, 2);
const NEWEST: ServerVersion = ServerVersion::NEWEST;

struct Place {
    callout: KeyPair,
    target: KeyPair,
    role: KeyPair,
    user: String,
    server: String,
    callout_view: AccountView,
    accounts: Vec<AccountView>,
}

impl Place {
    fn new() -> Self {
        let [callout, target, role] = std::array::from_fn(|_| KeyPair::new_account());
        let scope = ScopeView {
            role: "reader".to_owned(),
            template: None,
        };
        let target_view = AccountView {
            key: target.public_key(),
            signing_keys: vec![SigningKeyView {
                key: role.public_key(),
                scope: Some(scope),
            }],
            ..AccountView::default()
        };
        Self {
            callout_view: AccountView {
                key: callout.public_key(),
                ..AccountView::default()
            },
            accounts: vec![target_view],
            user: KeyPair::new_user().public_key(),
            server: KeyPair::new_server().public_key(),
            callout,
            target,
            role,
        }
    }

    fn login(&self) -> LoginFacts<'_> {
        LoginFacts {
            user_nkey: &self.user,
            server_id: &self.server,
            client_user: Some("alice"),
            client_host: Some("10.1.2.3"),
            connection_type: Some(ConnectionType::Standard),
            proxied: false,
            sealed: false,
        }
    }

    fn mode(&self) -> ServerMode<'_> {
        ServerMode::Operator(OperatorView {
            callout: &self.callout_view,
            accounts: &self.accounts,
            strict_signing_keys: false,
        })
    }

    fn response(&self, signer: &KeyPair, user_signer: &KeyPair, nats: &Value) -> String {
        let mut body = json!({ "type": "user", "version": 2 });
        for (field, value) in nats.as_object().unwrap() {
            body[field] = value.clone();
        }
        let user = json!({ "iss": user_signer.public_key(), "sub": self.user, "nats": body });
        let user = token_of(HEADER_JSON, &user.to_string(), user_signer);
        let response = json!({
            "iss": signer.public_key(), "sub": self.user, "aud": self.server,
            "nats": { "type": "authorization_response", "version": 2, "jwt": user },
        });
        token_of(HEADER_JSON, &response.to_string(), signer)
    }

    fn expiring(&self, expires_at: u64) -> String {
        let user = json!({
            "iss": self.target.public_key(), "sub": self.user, "exp": expires_at,
            "nats": { "type": "user", "version": 2 },
        });
        let user = token_of(HEADER_JSON, &user.to_string(), &self.target);
        let response = json!({
            "iss": self.callout.public_key(), "sub": self.user, "aud": self.server,
            "nats": { "type": "authorization_response", "version": 2, "jwt": user },
        });
        token_of(HEADER_JSON, &response.to_string(), &self.callout)
    }

    fn verdict(&self, token: &str, version: ServerVersion) -> Result<ServerVerdict, Refusal> {
        let (login, mode) = (self.login(), self.mode());
        server_verdict(token, &login, &mode, version, NOW, Signatures::Verify)
    }

    fn preflight(
        &self,
        token: &str,
        version: Option<ServerVersion>,
    ) -> Result<ServerVerdict, Refusal> {
        let (login, mode) = (self.login(), self.mode());
        preflight_for(token, &login, &mode, version, NOW, Signatures::Trust)
    }
}

fn accepted(verdict: Result<ServerVerdict, Refusal>) -> Accepted {
    match verdict {
        Ok(ServerVerdict::Accepted(accepted)) => *accepted,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_user_of_the_target_account_is_let_into_it() {
    let place = Place::new();
    let nats = json!({ "subs": 5, "src": ["10.0.0.0/8"], "bearer_token": true });
    let token = place.response(&place.callout, &place.target, &nats);
    let accepted = accepted(place.verdict(&token, V2_15_1));
    assert_eq!(accepted.account, place.target.public_key());
    assert_eq!(accepted.shown_user.as_deref(), Some("alice"));
    assert_eq!(accepted.permissions, EffectivePermissions::AccountDefault);
    assert_eq!(accepted.ignored, ["src", "subs", "bearer_token"]);
    let newest = self::accepted(place.verdict(&token, NEWEST));
    assert_eq!(newest.ignored, ["bearer_token"]);
}

#[rstest]
#[case(json!({ "src": ["192.0.2.0/24"] }), V2_15_2, NEWEST, Refusal::SourceNotAllowed)]
#[case(json!({ "allowed_connection_types": ["MQTT"] }), V2_15_1, V2_15_2, Refusal::ConnectionTypeNotAllowed)]
#[case(json!({ "allowed_connection_types": ["MQTT"] }), V2_14_8, V2_14_9, Refusal::ConnectionTypeNotAllowed)]
fn what_later_servers_enforce_earlier_ones_ignore(
    #[case] nats: Value,
    #[case] before: ServerVersion,
    #[case] since: ServerVersion,
    #[case] refusal: Refusal,
) {
    let place = Place::new();
    let token = place.response(&place.callout, &place.target, &nats);
    assert_eq!(accepted(place.verdict(&token, before)).ignored.len(), 1);
    assert_eq!(place.verdict(&token, since), Err(refusal.clone()));
    // The host is at least as strict as the newest server.
    assert_eq!(place.preflight(&token, Some(before)), Err(refusal));
}

#[rstest]
#[case(&["MQTT"], ConnectionType::Mqtt, true)]
#[case(&["MQTT_WS"], ConnectionType::Mqtt, true)]
#[case(&["leafnode_ws"], ConnectionType::Leafnode, true)]
#[case(&["STANDARD"], ConnectionType::Mqtt, false)]
#[case(&["MQTT"], ConnectionType::Websocket, false)]
fn a_connection_over_websocket_looks_like_one_over_tcp(
    #[case] types: &[&str],
    #[case] connection: ConnectionType,
    #[case] is_in: bool,
) {
    let place = Place::new();
    let nats = json!({ "allowed_connection_types": types });
    let token = place.response(&place.callout, &place.target, &nats);
    let login = LoginFacts {
        connection_type: Some(connection),
        ..place.login()
    };
    let mode = place.mode();
    let verdict = server_verdict(&token, &login, &mode, NEWEST, NOW, Signatures::Verify);
    assert_eq!(verdict.is_ok(), is_in);
}

#[rstest]
#[case(RoleTemplate { sources: vec!["192.0.2.0/24".to_owned()], ..RoleTemplate::default() }, V2_15_2, Refusal::SourceNotAllowed)]
#[case(RoleTemplate { connection_types: vec!["MQTT".to_owned()], ..RoleTemplate::default() }, V2_15_1, Refusal::ConnectionTypeNotAllowed)]
#[case(RoleTemplate { times: vec![crate::TimeRule { start: "01:00:00".to_owned(), end: "02:00:00".to_owned() }], times_location: Some("UTC".to_owned()), ..RoleTemplate::default() }, V2_15_1, Refusal::OutsideTimes)]
fn the_bounds_of_a_role_count_on_later_servers(
    #[case] template: RoleTemplate,
    #[case] before: ServerVersion,
    #[case] refusal: Refusal,
) {
    let mut place = Place::new();
    let scope = place.accounts[0].signing_keys[0].scope.as_mut().unwrap();
    scope.template = Some(template);
    let nats = json!({ "issuer_account": place.target.public_key() });
    let token = place.response(&place.callout, &place.role, &nats);
    assert!(place.verdict(&token, before).is_ok());
    assert_eq!(place.verdict(&token, NEWEST), Err(refusal));
}

#[rstest]
#[case(0, 0)]
#[case(3_600, 3_600)]
#[case(9_223_372_036, 9_223_372_036)]
#[case(9_223_372_037, 0)]
#[case(18_446_744_073, 0)]
#[case(18_446_744_074, 0)]
#[case(18_446_744_084, 10)]
fn an_end_beyond_what_servers_count_comes_sooner(#[case] left: u64, #[case] closes: u64) {
    let place = Place::new();
    let token = place.expiring(NOW + left);
    let accepted = accepted(place.verdict(&token, NEWEST));
    assert_eq!(accepted.expires_at, Some(NOW + closes));
}

#[test]
fn a_role_whose_template_is_not_known_is_still_a_role() {
    let place = Place::new();
    let nats = json!({ "issuer_account": place.target.public_key() });
    let token = place.response(&place.callout, &place.role, &nats);
    let role = EffectivePermissions::Role("reader".to_owned(), None);
    assert_eq!(
        accepted(place.preflight(&token, Some(V2_12))).permissions,
        role
    );

    let nats = json!({ "issuer_account": place.target.public_key(), "subs": -1 });
    let token = place.response(&place.callout, &place.role, &nats);
    let refusal = Refusal::ScopedWithPermissions("reader".to_owned());
    assert_eq!(place.preflight(&token, Some(V2_12)), Err(refusal));
}

#[test]
fn a_strict_operator_takes_signing_keys_only() {
    let place = Place::new();
    let token = place.response(&place.callout, &place.target, &json!({}));
    let mode = ServerMode::Operator(OperatorView {
        callout: &place.callout_view,
        accounts: &place.accounts,
        strict_signing_keys: true,
    });
    let login = place.login();
    let verdict = server_verdict(&token, &login, &mode, V2_12, NOW, Signatures::Verify);
    assert_eq!(verdict, Err(Refusal::NotAnAccountKey));
}

#[test]
fn allowed_accounts_are_a_list_or_one_star() {
    let mut place = Place::new();
    let token = place.response(&place.callout, &place.target, &json!({}));
    let target = place.target.public_key();
    for (allowed, is_allowed) in [
        (vec![], false),
        (vec!["*".to_owned()], true),
        (vec![target.clone()], true),
        (vec!["*".to_owned(), "AX".to_owned()], false),
    ] {
        place.callout_view.allowed_accounts = Some(allowed);
        assert_eq!(place.verdict(&token, V2_12).is_ok(), is_allowed);
    }
    let own = place.response(&place.callout, &place.callout, &json!({}));
    assert!(place.verdict(&own, V2_12).is_ok());
}

/// Tries signers of the response and values of `issuer_account`, before and from 2.15.1.
#[test]
fn earlier_servers_believe_the_response() {
    let place = Place::new();
    let token = place.response(&place.target, &place.target, &json!({}));
    for version in [V2_10, V2_15_0, V2_15_1] {
        assert_eq!(place.verdict(&token, version), Err(Refusal::NotACalloutKey));
    }
    let mut login = place.login();
    login.sealed = true;
    let mode = place.mode();
    let sealed = server_verdict(&token, &login, &mode, V2_15_1, NOW, Signatures::Verify);
    assert!(sealed.is_ok());
    let preflight = preflight_for(&token, &login, &mode, Some(V2_15_1), NOW, Signatures::Trust);
    assert_eq!(preflight, Err(Refusal::NotACalloutKey));
}

#[rstest]
#[case(V2_10, Ok(()))]
#[case(V2_11, Ok(()))]
#[case(V2_12, Err(Refusal::ProxyRequired))]
#[case(V2_15_1, Err(Refusal::ProxyRequired))]
fn a_proxy_is_demanded_by_servers_that_know_it(
    #[case] version: ServerVersion,
    #[case] expected: Result<(), Refusal>,
) {
    let place = Place::new();
    let token = place.response(
        &place.callout,
        &place.target,
        &json!({ "proxy_required": true }),
    );
    assert_eq!(place.verdict(&token, version).map(|_| ()), expected);
    let mut login = place.login();
    login.proxied = true;
    let mode = place.mode();
    assert!(server_verdict(&token, &login, &mode, version, NOW, Signatures::Verify).is_ok());
    let preflight = place.preflight(&token, Some(version)).map(|_| ());
    let ignored = expected.is_ok();
    let enforced = if ignored {
        Err(Refusal::ProxyNotEnforced)
    } else {
        Ok(())
    };
    assert_eq!(preflight, enforced);
    assert_eq!(
        place.preflight(&token, None),
        Err(Refusal::ProxyNotEnforced)
    );
}

#[rstest]
#[case(Some(V2_10), false)]
#[case(Some(V2_11), true)]
#[case(Some(V2_15_1), true)]
#[case(None, false)]
fn the_preflight_is_as_strict_as_the_server_that_asks(
    #[case] version: Option<ServerVersion>,
    #[case] passes: bool,
) {
    let place = Place::new();
    let nats = json!({ "allowed_connection_types": ["IN_PROCESS"] });
    let token = place.response(&place.callout, &place.target, &nats);
    let login = LoginFacts {
        connection_type: Some(ConnectionType::InProcess),
        ..place.login()
    };
    let mode = place.mode();
    let verdict = preflight_for(&token, &login, &mode, version, NOW, Signatures::Trust);
    assert_eq!(verdict.is_ok(), passes);
}

#[test]
fn the_preflight_is_as_strict_as_the_newest_server() {
    let place = Place::new();
    let issuer = place.callout.public_key();
    let mode = ServerMode::Config {
        issuer: &issuer,
        accounts: None,
    };
    let login = place.login();
    let user = json!({
        "iss": issuer, "sub": place.user, "aud": "APP", "nats": { "type": "user", "version": 2 },
    });
    let user = token_of(HEADER_JSON, &user.to_string(), &place.callout);
    let response = json!({
        "iss": place.target.public_key(), "sub": place.user, "aud": place.server,
        "nats": { "type": "authorization_response", "version": 2, "jwt": user },
    });
    let token = token_of(HEADER_JSON, &response.to_string(), &place.target);
    let verdict = |version| server_verdict(&token, &login, &mode, version, NOW, Signatures::Verify);
    assert!(verdict(V2_15_0).is_ok());
    assert_eq!(verdict(V2_15_1), Err(Refusal::Issuer(Part::Response)));
    let preflight = preflight_for(&token, &login, &mode, Some(V2_10), NOW, Signatures::Trust);
    assert_eq!(preflight, Err(Refusal::Issuer(Part::Response)));
}

#[test]
fn the_end_of_the_range_is_the_end_of_the_connection() {
    let place = Place::new();
    let nats = json!({
        "times": [{ "start": "00:00:00", "end": "01:00:00" }], "times_location": "UTC",
    });
    let token = place.response(&place.callout, &place.target, &nats);
    assert_eq!(
        accepted(place.preflight(&token, None)).expires_at,
        Some(3600)
    );
}

#[test]
fn an_account_jwt_says_what_the_view_needs() {
    let mut claims = crate::AccountClaims::new("AKEY", NOW);
    claims.name = Some("APP".to_owned());
    claims.nats.tags = vec!["region:eu".to_owned()];
    claims.nats.authorization.allowed_accounts = vec!["*".to_owned()];
    claims.nats.signing_keys.insert_plain("APLAIN");
    claims.nats.signing_keys.insert_scope(crate::UserScope {
        key: "AROLE".to_owned(),
        role: "reader".to_owned(),
        ..crate::UserScope::default()
    });
    let view = AccountView::from(&claims);
    assert_eq!((view.key.as_str(), view.name.as_str()), ("AKEY", "APP"));
    assert_eq!(view.allowed_accounts, Some(vec!["*".to_owned()]));
    assert_eq!(view.signing_keys.len(), 2);
    let scope = ScopeView {
        role: "reader".to_owned(),
        template: Some(RoleTemplate::default()),
    };
    assert_eq!(view.signing_keys[1].scope, Some(scope));
}
