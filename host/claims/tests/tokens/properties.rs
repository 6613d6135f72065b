//! Any claims, read back from their token by this crate and by `nats-token`.

use portcullis_claims::{
    AccountBody, AccountClaims, AccountLimits, ActivationBody, ActivationClaims, Answer, Body,
    Claims, Export, ExternalAuthorization, GenericBody, GenericClaims, Import, JetStreamLimits,
    LatencySampling, MessageTrace, OperatorBody, OperatorClaims, PermissionRules, ResponseClaims,
    ResponseRule, ScopeKind, ServiceLatency, ShareKind, SignError, SubjectRule, TimeRule, UserBody,
    UserClaims, UserScope, UserTemplate, WeightedMapping,
};
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::support::{key, public, without_empty};

/// Generates any text, sometimes an empty one.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![1 => Just(String::new()), 4 => "\\PC{0,12}"]
}

fn words() -> impl Strategy<Value = Vec<String>> {
    vec("\\PC{1,12}", 0..4)
}

fn word() -> impl Strategy<Value = String> {
    "\\PC{1,12}"
}

/// Generates a limit that can be written.
fn limit() -> impl Strategy<Value = i64> {
    prop_oneof![Just(-1), 1..i64::MAX]
}

prop_compose! {
    fn rules()(allow in words(), deny in words()) -> SubjectRule {
        SubjectRule { allow, deny }
    }
}

prop_compose! {
    fn permissions()(
        publish in rules(),
        subscribe in rules(),
        responses in option::of((any::<i32>(), any::<i64>())),
    ) -> PermissionRules {
        let responses = responses.map(|(max, ttl)| ResponseRule { max: max.into(), ttl });
        PermissionRules { publish, subscribe, responses }
    }
}

prop_compose! {
    fn templates()(
        permissions in permissions(),
        sources in vec("[0-9a-f:./]{1,12}", 0..4),
        times in vec((word(), word()), 0..3),
        times_location in option::of(word()),
        limits in (limit(), limit(), limit()),
        truths in any::<(bool, bool)>(),
        allowed_connection_types in words(),
    ) -> UserTemplate {
        UserTemplate {
            permissions,
            sources,
            times: times.into_iter().map(|(start, end)| TimeRule { start, end }).collect(),
            times_location,
            subs: limits.0,
            data: limits.1,
            payload: limits.2,
            bearer_token: truths.0,
            proxy_required: truths.1,
            allowed_connection_types,
        }
    }
}

prop_compose! {
    fn users()(
        template in templates(),
        limits in any::<(i64, i64, i64)>(),
        issuer_account in option::of(word()),
        tags in words(),
    ) -> UserBody {
        let mut user = UserClaims::default().nats;
        user.publish = template.permissions.publish;
        user.subscribe = template.permissions.subscribe;
        user.responses = template.permissions.responses;
        user.sources = template.sources;
        user.times = template.times;
        user.times_location = template.times_location;
        (user.subs, user.data, user.payload) = limits;
        user.bearer_token = template.bearer_token;
        user.proxy_required = template.proxy_required;
        user.allowed_connection_types = template.allowed_connection_types;
        user.issuer_account = issuer_account;
        user.tags = tags;
        user
    }
}

prop_compose! {
    fn jetstream()(numbers in any::<[i64; 7]>(), max_bytes_required: bool) -> JetStreamLimits {
        let [memory_storage, disk_storage, streams, consumers, max_ack_pending, memory, disk] = numbers;
        JetStreamLimits {
            memory_storage,
            disk_storage,
            streams,
            consumers,
            max_ack_pending,
            memory_max_stream_bytes: memory,
            disk_max_stream_bytes: disk,
            max_bytes_required,
        }
    }
}

prop_compose! {
    fn limits()(
        numbers in any::<[i64; 7]>(),
        truths in any::<(bool, bool)>(),
        jetstream in jetstream(),
        tiers in btree_map(word(), jetstream(), 0..3),
    ) -> AccountLimits {
        let [subs, data, payload, imports, exports, connections, leafnodes] = numbers;
        AccountLimits {
            subs,
            data,
            payload,
            imports,
            exports,
            wildcard_exports: truths.0,
            disallow_bearer: truths.1,
            connections,
            leafnodes,
            jetstream: if tiers.is_empty() { jetstream } else { JetStreamLimits::default() },
            tiers,
        }
    }
}

fn share_kinds() -> impl Strategy<Value = Option<ShareKind>> {
    option::of(prop_oneof![
        Just(ShareKind::Stream),
        Just(ShareKind::Service)
    ])
}

prop_compose! {
    fn exports()(
        texts in [text(), text(), text(), text(), text()],
        kind in share_kinds(),
        truths in any::<(bool, bool, bool)>(),
        revocations in btree_map(word(), any::<i64>(), 0..3),
        response_threshold: i64,
        latency in option::of((0..=100_u8, text())),
        account_token_position: u32,
    ) -> Export {
        let [name, subject, response_type, description, info_url] = texts;
        Export {
            name,
            subject,
            kind,
            token_req: truths.0,
            revocations,
            response_type,
            response_threshold,
            latency: latency.map(|(percent, results)| ServiceLatency {
                sampling: match percent {
                    0 => LatencySampling::Headers,
                    percent => LatencySampling::Percent(percent),
                },
                results,
            }),
            account_token_position: account_token_position.into(),
            advertise: truths.1,
            allow_trace: truths.2,
            description,
            info_url,
        }
    }
}

prop_compose! {
    fn imports()(
        texts in [text(), text(), text(), text(), text(), text()],
        kind in share_kinds(),
        truths in any::<(bool, bool)>(),
    ) -> Import {
        let [name, subject, account, token, to, local_subject] = texts;
        Import {
            name,
            subject,
            account,
            token,
            to,
            local_subject,
            kind,
            share: truths.0,
            allow_trace: truths.1,
        }
    }
}

prop_compose! {
    fn scopes()(texts in [text(), text(), text()], template in templates()) -> UserScope {
        let [key, role, description] = texts;
        UserScope { kind: ScopeKind::User, key, role, template, description }
    }
}

prop_compose! {
    fn accounts()(
        imports in vec(imports(), 0..3),
        exports in vec(exports(), 0..3),
        limits in limits(),
        keys in (words(), vec(scopes(), 0..3)),
        revocations in btree_map(word(), any::<i64>(), 0..3),
        default_permissions in permissions(),
        mappings in btree_map(word(), vec((text(), any::<u8>(), text()), 1..3), 0..3),
        authorization in (words(), words(), text()),
        trace in option::of((text(), any::<i32>())),
        texts in [text(), text(), text()],
        tags in words(),
    ) -> AccountBody {
        let mut account = AccountClaims::default().nats;
        account.imports = imports;
        account.exports = exports;
        account.limits = limits;
        keys.0.into_iter().for_each(|key| account.signing_keys.insert_plain(key));
        keys.1.into_iter().for_each(|scope| account.signing_keys.insert_scope(scope));
        account.revocations = revocations;
        account.default_permissions = default_permissions;
        let mapping = |(subject, weight, cluster)| WeightedMapping { subject, weight, cluster };
        account.mappings = mappings
            .into_iter()
            .map(|(from, to)| (from, to.into_iter().map(mapping).collect()))
            .collect();
        let (auth_users, allowed_accounts, xkey) = authorization;
        account.authorization = ExternalAuthorization { auth_users, allowed_accounts, xkey };
        account.trace = trace.map(|(destination, sampling)| {
            MessageTrace { destination, sampling: sampling.into() }
        });
        [account.cluster_traffic, account.description, account.info_url] = texts;
        account.tags = tags;
        account
    }
}

prop_compose! {
    fn operators()(
        lists in [words(), words(), words()],
        texts in [text(), text(), text()],
        strict_signing_key_usage: bool,
    ) -> OperatorBody {
        let mut operator = OperatorClaims::default().nats;
        [operator.signing_keys, operator.operator_service_urls, operator.tags] = lists;
        [operator.account_server_url, operator.system_account, operator.assert_server_version] = texts;
        operator.strict_signing_key_usage = strict_signing_key_usage;
        operator
    }
}

prop_compose! {
    fn activations()(
        import_subject in text(),
        import_kind in share_kinds(),
        issuer_account in option::of(word()),
        tags in words(),
    ) -> ActivationBody {
        let mut activation = ActivationClaims::default().nats;
        activation.import_subject = import_subject;
        activation.import_kind = import_kind;
        activation.issuer_account = issuer_account;
        activation.tags = tags;
        activation
    }
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            btree_map(text(), inner, 0..4).prop_map(|map| map.into_iter().collect()),
        ]
    })
}

/// Generates claims about `subject` with any body and any registered claims.
fn claims<B: Body + std::fmt::Debug>(
    subject: &'static str,
    bodies: impl Strategy<Value = B>,
) -> impl Strategy<Value = Claims<B>>
where
    Claims<B>: Default,
{
    let time = || option::of(1..=i64::MAX.unsigned_abs());
    let registered = (
        option::of(word()),
        option::of(word()),
        time(),
        time(),
        time(),
    );
    (bodies, registered).prop_map(move |(nats, registered)| {
        let mut claims = Claims::default();
        claims.nats = nats;
        (
            claims.audience,
            claims.name,
            claims.expires_at,
            claims.issued_at,
            claims.not_before,
        ) = registered;
        claims.subject = Some(public(subject));
        claims
    })
}

/// Signs claims, reads them back and returns the token. Only issuer, id and what signing sets may
/// differ.
fn round_trip<B>(mut claims: Claims<B>, signer: &str) -> Result<String, TestCaseError>
where
    B: Body + Clone + Default + PartialEq + Serialize + DeserializeOwned,
    Claims<B>: Clone + PartialEq,
{
    let signer = key(signer);
    let token = claims.clone().sign(&signer).unwrap();
    let read = Claims::<B>::decode(&token).unwrap();
    claims.nats.stamp();
    claims.issuer = Some(signer.public_key().to_owned());
    claims.id.clone_from(&read.id);
    prop_assert!(read == claims);
    prop_assert_eq!(read.nats.kind().is_some() || B::ANY_KIND, true);
    prop_assert_eq!(read.nats.version(), Some(2));
    prop_assert_eq!(read.sign(&signer).unwrap(), token.clone());
    Ok(token)
}

fn ours<B: Serialize + DeserializeOwned + Default + Body>(token: &str) -> Value {
    let claims = Claims::<B>::decode(token).unwrap();
    without_empty(&serde_json::to_value(claims).unwrap())
}

fn theirs(claims: &impl Serialize) -> Value {
    without_empty(&serde_json::to_value(claims).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn users_are_read_back(claims in claims("user", users())) {
        let token = round_trip(claims, "account")?;
        let read = nats_token::decode_user_claims(&token).unwrap();
        prop_assert_eq!(ours::<UserBody>(&token), theirs(&read));
    }

    #[test]
    fn accounts_are_read_back(claims in claims("account", accounts())) {
        let token = round_trip(claims, "operator")?;
        let read = nats_token::decode_account_claims(&token).unwrap();
        prop_assert_eq!(ours::<AccountBody>(&token), theirs(&read));
    }

    #[test]
    fn operators_are_read_back(claims in claims("operator", operators())) {
        let token = round_trip(claims, "operator-signing")?;
        let read = nats_token::decode_operator_claims(&token).unwrap();
        prop_assert_eq!(ours::<OperatorBody>(&token), theirs(&read));
    }

    #[test]
    fn activations_are_read_back(claims in claims("account", activations())) {
        let token = round_trip(claims, "other")?;
        let read = nats_token::decode_activation_claims(&token).unwrap();
        let mut ours = ours::<ActivationBody>(&token);
        ours["nats"].as_object_mut().unwrap().remove("tags");
        prop_assert_eq!(ours, theirs(&read));
    }

    #[test]
    fn generic_claims_are_read_back(fields in btree_map(text(), values(), 0..6)) {
        let claims = GenericClaims::new("anybody", fields.into_iter().collect(), 100);
        let token = round_trip(claims, "server")?;
        let read = nats_token::decode_generic(&token).unwrap();
        prop_assert_eq!(ours::<GenericBody>(&token), theirs(&read));
    }

    #[test]
    fn responses_are_read_back(said in text(), is_permit: bool, issued_at: u32) {
        let answer = if is_permit { Answer::Jwt(said) } else { Answer::Error(said) };
        let (user, server) = (public("user"), public("server"));
        round_trip(ResponseClaims::new(&user, &server, answer, issued_at.into()), "account")?;
    }

    #[test]
    fn any_text_is_read_or_refused(text in "(\\PC{0,20}\\.){0,3}\\PC{0,20}") {
        prop_assert!(GenericClaims::decode(&text).is_err());
        prop_assert!(AccountClaims::decode(&text).is_err());
    }

    /// Signed claims of any shape: no kind reads them as another kind, and no input panics.
    #[test]
    fn any_signed_claims_are_read_or_refused(
        kind in prop_oneof![Just("user"), Just("account"), Just("operator"), Just("activation")],
        field in prop_oneof![Just("limits"), Just("signing_keys"), Just("src"), Just("kind"), Just("exports")],
        value in values(),
    ) {
        let mut data = serde_json::Map::new();
        data.insert("type".to_owned(), kind.into());
        data.insert(field.to_owned(), value);
        let token = GenericClaims::new("anybody", data, 100).sign(&key("account")).unwrap();
        prop_assert!(GenericClaims::decode(&token).is_ok());
        let read = [
            UserClaims::decode(&token).is_ok(),
            AccountClaims::decode(&token).is_ok(),
            OperatorClaims::decode(&token).is_ok(),
            ActivationClaims::decode(&token).is_ok(),
        ];
        let kinds = ["user", "account", "operator", "activation"];
        for (read, name) in read.into_iter().zip(kinds) {
            prop_assert!(!read || name == kind, "{kind} as {name}");
        }
    }
}

#[test]
fn keys_sign_what_they_may_about_whom_they_may() {
    let account = || AccountClaims::new(&public("account"), 100);
    assert!(account().sign(&key("operator")).is_ok());
    assert!(account().sign(&key("account")).is_ok());
    let error = account().sign(&key("user")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "a token of the type `account` cannot be signed by a key of the kind user, expected account or operator"
    );
    let error = OperatorClaims::new(&public("operator"), 100)
        .sign(&key("account"))
        .unwrap_err();
    assert!(matches!(error, SignError::IssuerKind { .. }), "{error}");
    let error = AccountClaims::new(&public("user"), 100)
        .sign(&key("operator"))
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "a token of the type `account` needs a public account key as its subject"
    );
    let data = json!({ "type": "note" }).as_object().unwrap().clone();
    for name in ["operator", "account", "user", "server"] {
        let claims = GenericClaims::new("anybody", data.clone(), 100);
        assert!(claims.sign(&key(name)).is_ok(), "{name}");
    }
}
