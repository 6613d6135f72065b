//! The most complete fixtures, field by field.

use std::collections::BTreeMap;

use portcullis_claims::{
    AccountClaims, AccountLimits, ActivationClaims, Body, Claims, Export, ExternalAuthorization,
    GenericClaims, Import, JetStreamLimits, LatencySampling, MessageTrace, OperatorClaims,
    PermissionRules, ResponseClaims, ResponseRule, ScopeKind, ServiceLatency, ShareKind,
    SubjectRule, TimeRule, UserClaims, UserScope, UserTemplate, WeightedMapping,
};
use serde_json::json;

use crate::support::{public, token};

const SECOND: i64 = 1_000_000_000;

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().copied().map(str::to_owned).collect()
}

fn rule(allow: &[&str], deny: &[&str]) -> SubjectRule {
    SubjectRule {
        allow: texts(allow),
        deny: texts(deny),
    }
}

fn range(start: &str, end: &str) -> TimeRule {
    TimeRule {
        start: start.to_owned(),
        end: end.to_owned(),
    }
}

fn registered<B>(claims: &Claims<B>, subject: &str, issuer: &str) {
    assert_eq!(claims.audience.as_deref(), Some("somewhere"));
    assert_eq!(claims.name.as_deref(), Some("a name <&>\u{2028}"));
    assert_eq!(claims.expires_at, Some(4_000_000_000));
    assert_eq!(claims.not_before, Some(1_500_000_000));
    assert_eq!(claims.subject, Some(public(subject)));
    assert_eq!(claims.issuer, Some(public(issuer)));
    assert!(claims.issued_at > Some(1_700_000_000));
    assert_eq!(claims.id.as_ref().map(String::len), Some(52));
}

#[test]
fn a_full_user() {
    let claims = UserClaims::decode(&token("user-full")).unwrap();
    registered(&claims, "user", "signing");
    let mut expected = UserClaims::default().nats;
    expected.publish = rule(&["a.>", "b.<&>"], &["a.secret"]);
    expected.subscribe = rule(&["_INBOX.>", "jobs workers"], &["jobs.secret"]);
    expected.responses = Some(ResponseRule {
        max: 5,
        ttl: 120 * SECOND,
    });
    expected.sources = texts(&["10.0.0.0/8", "fe80::/10"]);
    expected.times = vec![range("08:00:00", "17:30:00"), range("22:00:00", "02:00:00")];
    expected.times_location = Some("Europe/Berlin".to_owned());
    expected.subs = 10;
    expected.data = 1 << 40;
    expected.payload = 1 << 20;
    expected.bearer_token = true;
    expected.proxy_required = true;
    expected.allowed_connection_types = texts(&["WEBSOCKET", "MQTT"]);
    expected.issuer_account = Some(public("account"));
    expected.tags = texts(&["role:admin", "<&>"]);
    expected.stamp();
    assert_eq!(claims.nats, expected);
}

#[test]
fn a_full_account() {
    let claims = AccountClaims::decode(&token("account-full")).unwrap();
    registered(&claims, "account", "operator");
    let mut expected = AccountClaims::default().nats;
    expected.imports = imports();
    expected.exports = exports();
    expected.limits = AccountLimits {
        subs: 1,
        data: 2,
        payload: 3,
        imports: 4,
        exports: 5,
        wildcard_exports: true,
        disallow_bearer: true,
        connections: 6,
        leafnodes: 7,
        jetstream: JetStreamLimits {
            memory_storage: 8,
            disk_storage: 9,
            streams: 10,
            consumers: 11,
            max_ack_pending: 12,
            memory_max_stream_bytes: 13,
            disk_max_stream_bytes: 14,
            max_bytes_required: true,
        },
        tiers: BTreeMap::new(),
    };
    expected.signing_keys.insert_plain(public("signing"));
    expected.signing_keys.insert_scope(worker());
    expected.revocations = [
        (public("user"), 1_700_000_000),
        ("*".to_owned(), 1_600_000_000),
    ]
    .into();
    expected.default_permissions = PermissionRules {
        publish: rule(&["default.>"], &[]),
        subscribe: rule(&[], &[]),
        responses: Some(ResponseRule { max: 1, ttl: 0 }),
    };
    let mapping = |subject: &str, weight, cluster: &str| WeightedMapping {
        subject: subject.to_owned(),
        weight,
        cluster: cluster.to_owned(),
    };
    let from = vec![mapping("to.$1", 60, ""), mapping("to.else", 40, "east")];
    let all = vec![mapping("everything", 0, "")];
    expected.mappings = [("from.*".to_owned(), from), ("all".to_owned(), all)].into();
    expected.authorization = ExternalAuthorization {
        auth_users: vec![public("user")],
        allowed_accounts: vec![public("other")],
        xkey: claims.nats.authorization.xkey.clone(),
    };
    assert!(claims.nats.authorization.xkey.starts_with('X'));
    expected.trace = Some(MessageTrace {
        destination: "traces".to_owned(),
        sampling: 50,
    });
    expected.cluster_traffic = "owner".to_owned();
    expected.description = "an <account>".to_owned();
    expected.info_url = "https://example.org/?a&b".to_owned();
    expected.tags = texts(&["tier:gold"]);
    expected.stamp();
    assert_eq!(claims.nats, expected);
    let keys = &claims.nats.signing_keys;
    assert!(keys.contains(&public("signing")) && keys.contains(&public("scoped")));
    assert!(!keys.contains(&public("other")));
    assert_eq!(keys.scope(&public("signing")), None);
    assert_eq!(keys.scope(&public("scoped")), Some(&worker()));
}

fn imports() -> Vec<Import> {
    let activation = ActivationClaims::decode(&token("activation-full")).unwrap();
    let claims = AccountClaims::decode(&token("account-full")).unwrap();
    let embedded = ActivationClaims::decode(&claims.nats.imports[0].token).unwrap();
    assert_eq!(embedded.nats, activation.nats);
    vec![
        Import {
            name: "s".to_owned(),
            subject: "s".to_owned(),
            account: public("other"),
            token: claims.nats.imports[0].token.clone(),
            to: "t".to_owned(),
            kind: Some(ShareKind::Service),
            share: true,
            ..Import::default()
        },
        Import {
            name: "z".to_owned(),
            subject: "z.*".to_owned(),
            account: public("other"),
            local_subject: "local.$1".to_owned(),
            kind: Some(ShareKind::Stream),
            allow_trace: true,
            ..Import::default()
        },
    ]
}

fn exports() -> Vec<Export> {
    vec![
        Export {
            name: "stream".to_owned(),
            subject: "events.>".to_owned(),
            kind: Some(ShareKind::Stream),
            ..Export::default()
        },
        Export {
            name: "by header".to_owned(),
            subject: "header".to_owned(),
            kind: Some(ShareKind::Service),
            latency: Some(ServiceLatency {
                sampling: LatencySampling::Headers,
                results: "latency".to_owned(),
            }),
            ..Export::default()
        },
        Export {
            name: "service".to_owned(),
            subject: "service.*".to_owned(),
            kind: Some(ShareKind::Service),
            token_req: true,
            revocations: [("*".to_owned(), 1), (public("other"), 2)].into(),
            response_type: "Chunked".to_owned(),
            response_threshold: SECOND,
            latency: Some(ServiceLatency {
                sampling: LatencySampling::Percent(40),
                results: "latency".to_owned(),
            }),
            account_token_position: 2,
            advertise: true,
            allow_trace: true,
            description: "a service".to_owned(),
            info_url: "https://example.org/service".to_owned(),
        },
    ]
}

fn worker() -> UserScope {
    UserScope {
        kind: ScopeKind::User,
        key: public("scoped"),
        role: "worker".to_owned(),
        template: UserTemplate {
            permissions: PermissionRules {
                publish: rule(&["{{name()}}.>"], &[]),
                subscribe: rule(&[], &["secret"]),
                responses: Some(ResponseRule {
                    max: 1,
                    ttl: SECOND,
                }),
            },
            sources: texts(&["192.168.0.0/16"]),
            times: vec![range("08:00:00", "17:30:00")],
            times_location: Some("UTC".to_owned()),
            subs: 1,
            data: 2,
            payload: 3,
            bearer_token: true,
            proxy_required: true,
            allowed_connection_types: texts(&["LEAFNODE"]),
        },
        description: "does the work".to_owned(),
    }
}

#[test]
fn tiers_replace_limits_without_a_tier() {
    let claims = AccountClaims::decode(&token("account-tiers")).unwrap();
    let limits = &claims.nats.limits;
    assert_eq!(limits.jetstream, JetStreamLimits::default());
    assert_eq!(
        (limits.tiers["R1"].disk_storage, limits.tiers["R1"].streams),
        (1, -1)
    );
    assert_eq!(limits.tiers["R3"].memory_storage, 2);
    assert_eq!((limits.connections, limits.wildcard_exports), (-1, true));
}

#[test]
fn a_full_operator() {
    let claims = OperatorClaims::decode(&token("operator-full")).unwrap();
    registered(&claims, "operator", "operator");
    let mut expected = OperatorClaims::default().nats;
    expected.signing_keys = vec![public("operator-signing")];
    expected.account_server_url = "https://example.org/jwt/v1?a=1&b=2".to_owned();
    expected.operator_service_urls =
        texts(&["nats://a.example.org:4222", "tls://b.example.org:4222"]);
    expected.system_account = public("account");
    expected.assert_server_version = "2.10.0".to_owned();
    expected.strict_signing_key_usage = true;
    expected.tags = texts(&["production"]);
    expected.stamp();
    assert_eq!(claims.nats, expected);
}

#[test]
fn a_full_activation() {
    let claims = ActivationClaims::decode(&token("activation-full")).unwrap();
    registered(&claims, "account", "signing");
    let mut expected = ActivationClaims::default().nats;
    expected.import_subject = "s.>".to_owned();
    expected.import_kind = Some(ShareKind::Service);
    expected.issuer_account = Some(public("other"));
    expected.tags = texts(&["shared"]);
    expected.stamp();
    assert_eq!(claims.nats, expected);
}

#[test]
fn a_generic_token() {
    let claims = GenericClaims::decode(&token("generic")).unwrap();
    assert_eq!(claims.issuer, Some(public("server")));
    assert_eq!(claims.subject.as_deref(), Some("anybody"));
    assert_eq!(claims.nats.kind(), Some("note"));
    let expected = json!({
        "list": ["<&>", 1, -2.5, true, null],
        "nested": { "a": "ü\u{2028}", "b": 1 },
        "type": "note",
        "version": 2,
    });
    assert_eq!(serde_json::to_value(&claims.nats).unwrap(), expected);
}

#[test]
fn responses() {
    let refusal = ResponseClaims::decode(&token("response-error")).unwrap();
    assert_eq!(refusal.audience, Some(public("server")));
    assert_eq!(refusal.nats.error(), Some("no <&>"));
    assert_eq!(refusal.nats.jwt(), None);
    assert_eq!(
        refusal.nats.issuer_account(),
        Some(public("account").as_str())
    );
    let permit = ResponseClaims::decode(&token("response-jwt")).unwrap();
    assert_eq!(permit.nats.error(), None);
    let user = UserClaims::decode(permit.nats.jwt().unwrap()).unwrap();
    assert_eq!(user.subject, Some(public("user")));
}

#[test]
fn a_user_of_version_one() {
    let claims = UserClaims::decode(&token("first-user")).unwrap();
    assert_eq!(claims.name.as_deref(), Some("v1 <&>"));
    let user = &claims.nats;
    assert_eq!((user.kind(), user.version()), (Some("user"), Some(1)));
    assert_eq!(user.issuer_account, Some(public("account")));
    assert_eq!(user.tags, ["old"]);
    assert_eq!(user.publish.allow, ["a"]);
    assert_eq!(user.sources, ["10.0.0.0/8", "192.168.0.0/16"]);
    assert_eq!(user.times, [range("01:00:00", "02:00:00")]);
    assert_eq!((user.subs, user.data, user.payload), (-1, -1, 6));
    assert!(user.bearer_token);
}

#[test]
fn the_samples_of_the_documentation() {
    let omega = UserClaims::decode(&token("sample-user")).unwrap();
    assert_eq!(omega.name.as_deref(), Some("omega"));
    assert_eq!(
        (omega.nats.subs, omega.nats.data, omega.nats.payload),
        (-1, -1, -1)
    );
    let account = AccountClaims::decode(&token("sample-account")).unwrap();
    assert_eq!(account.name.as_deref(), Some("A"));
    assert_eq!(account.nats.limits, AccountLimits::unlimited());
}
