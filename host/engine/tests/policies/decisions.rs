//! Single decisions: the data that crosses to the guest and back, and the end of misbehaving
//! guests.

use std::sync::Arc;
use std::time::{Duration, Instant};

use portcullis_core::{
    AuthorizationRequest, Blame, ConnectionType, Credentials, DenialClass, PermissionSubject,
    ResponsePermission, Secret, TimeRange, Verdict,
};
use portcullis_engine::{EvaluationError, Grants, Limits, Policy};
use portcullis_test_policies::{
    NOW, SERVER, USER, decide, engine, guest, identified, load, load_with, plain_hashes, policy,
    request,
};

/// Returns the class and the message of a guest's failure.
fn failure(name: &str) -> (DenialClass, String) {
    let error = decide(&load(name).unwrap()).unwrap_err();
    assert_eq!(error.class().blame(), Some(Blame::Guest), "{error}");
    (error.class(), error.to_string())
}

#[test]
fn a_policy_hears_an_address_in_one_form() {
    let settings = r#"{"greeting":"hello"}"#;
    let (engine, module) = (engine(), guest("tells"));
    let policy = load_with(
        &engine,
        &module,
        settings,
        Limits::default(),
        plain_hashes(),
    );
    let policy = policy.unwrap();
    for (host, heard) in [
        ("fe80::1%eth0", "fe80::1"),
        ("::ffff:10.0.0.7", "10.0.0.7"),
        ("2001:DB8::0:1", "2001:db8::1"),
        ("pipe", "pipe"),
    ] {
        let mut asked = AuthorizationRequest::clone(&request());
        asked.client.host = Some(host.to_owned());
        let deadline = Instant::now() + Duration::from_mins(1);
        let Ok(Verdict::Deny(facts)) = policy.evaluate(Arc::new(asked), deadline).run() else {
            panic!("not a deny")
        };
        let fact = format!("client.host=Some({heard:?})");
        assert!(facts.contains(&fact), "`{fact}` is not in `{facts}`");
    }
}

#[test]
fn a_policy_hears_every_fact_of_a_request_and_its_settings() {
    let settings = r#"{"greeting":"hello"}"#;
    let policy = load_with(
        &engine(),
        &guest("tells"),
        settings,
        Limits::default(),
        plain_hashes(),
    )
    .unwrap();
    let Ok(Verdict::Deny(facts)) = decide(&policy) else {
        panic!("not a deny")
    };
    let (server, user) = (format!("server.id={SERVER}"), format!("user_nkey={USER}"));
    let expected = [
        "greeting=hello",
        r#"client.host=Some("10.0.0.7")"#,
        "client.id=42",
        r#"client.user=Some("alice")"#,
        r#"client.name=Some("laptop")"#,
        r#"client.kind=Some("Client")"#,
        r#"client.transport=Some("nats")"#,
        r#"client.mqtt_id=Some("m1")"#,
        r#"client.lang=Some("rust")"#,
        r#"client.version=Some("0.51")"#,
        r#"client.tags=["tag"]"#,
        r#"client.name_tag=Some("alice-laptop")"#,
        r#"client.connection_type=Some("STANDARD")"#,
        r#"client.tls_version=Some("1.3")"#,
        r#"client.tls_cipher=Some("TLS_AES_128_GCM_SHA256")"#,
        r#"certificate.subject=Some("CN=alice\\, the \\+1,UID=a7,OU=Ops+O=Acme,C=DE,DC=acme,DC=example")"#,
        "certificate.verified=true",
        &server,
        "server.name=server-1",
        "server.host=0.0.0.0",
        r#"server.version=Some("2.15.1")"#,
        r#"server.cluster=Some("hermes")"#,
        r#"server.tags=["eu"]"#,
        "now=1800000000",
        &user,
        r#"username=Some("alice")"#,
        "method=Token",
        "nkey=None",
        "role=None",
        "password=Ok(true)",
        "token=Ok(false)",
    ];
    for fact in expected {
        assert!(facts.contains(fact), "`{fact}` is not in `{facts}`");
    }
    for refused in ["bad_hash=Err(", "token_hash_for_password=Err("] {
        assert!(facts.contains(refused), "`{refused}` is not in `{facts}`");
    }
}

#[test]
fn a_permit_arrives_as_it_was_built() {
    let Ok(Verdict::Permit(permit)) = decide(&load("echoes").unwrap()) else {
        panic!("no permit")
    };
    let subjects = |text: &str| vec![text.parse::<PermissionSubject>().unwrap()];
    assert_eq!(permit.account(), "APP");
    assert_eq!(permit.user_name(), Some("echo"));
    assert_eq!(permit.permissions().publish.allow, subjects("p.allow"));
    assert_eq!(permit.permissions().publish.deny, subjects("p.deny"));
    assert_eq!(
        permit.permissions().subscribe.allow,
        subjects("s.allow queue")
    );
    assert_eq!(permit.permissions().subscribe.deny, subjects("s.deny"));
    let responses = ResponsePermission {
        max: 3,
        ttl: Duration::from_secs(5),
    };
    assert_eq!(permit.permissions().responses, Some(responses));
    assert_eq!(
        permit.expires_at(),
        Some(NOW + 60),
        "the earlier of the two limits"
    );
    assert_eq!(permit.tags(), ["tag:one"]);
    assert_eq!(permit.role(), Some("reader"));
    assert!(
        permit
            .sources()
            .listed()
            .eq(&["10.0.0.0/8".parse().unwrap()])
    );
    assert!(
        permit
            .connection_types()
            .listed()
            .eq(&[ConnectionType::Standard])
    );
    let working_hours = TimeRange::new("08:00:00", "18:00:00").unwrap();
    assert!(permit.times().listed().eq(&[working_hours]));
    assert_eq!(permit.times_location(), Some("Europe/Berlin"));
    assert!(permit.requires_proxy() && permit.names_permissions());
}

#[test]
fn a_permit_without_a_word_about_permissions_says_so() {
    let Ok(Verdict::Permit(permit)) = decide(&load("permits_nothing").unwrap()) else {
        panic!("no permit")
    };
    assert!(!permit.names_permissions());
}

#[test]
fn a_policy_hears_which_nkey_was_proved() {
    let pair = nkeys::KeyPair::new_user();
    let mut request = AuthorizationRequest::clone(&request());
    request.client.nonce = Some("a nonce".to_owned());
    request.credentials = Credentials {
        nkey: Some(pair.public_key().into()),
        ..Credentials::default()
    };
    let policy = conforms(&serde_json::json!([
        { "match": { "nkey": pair.public_key() }, "deny": "proved" },
    ]));
    let decide = |mut request: AuthorizationRequest| {
        request.identity = identified(&request);
        policy
            .evaluate(Arc::new(request), Instant::now() + Duration::from_mins(1))
            .run()
    };
    assert_eq!(
        decide(request.clone()),
        Ok(Verdict::Abstain),
        "no signature"
    );
    let signature = pair.sign(b"a nonce").unwrap();
    let signature = data_encoding::BASE64URL_NOPAD.encode(&signature);
    request.credentials.signature = Some(Secret::new(signature));
    assert_eq!(decide(request), Ok(Verdict::Deny("proved".to_owned())));
}

/// Loads the guest `conforms` with these rules.
fn conforms(rules: &serde_json::Value) -> Policy {
    let settings = serde_json::json!({ "rules": rules }).to_string();
    load_with(
        &engine(),
        &guest("conforms"),
        &settings,
        Limits::default(),
        plain_hashes(),
    )
    .unwrap()
}

#[test]
fn the_guest_for_conformance_goes_by_its_rules() {
    let policy = conforms(&serde_json::json!([
        { "match": { "username": "bob" }, "deny": "not bob" },
        { "match": { "username": "alice", "password": "plain:wrong" }, "deny": "not this password" },
        { "match": { "certificate-subject": "CN=bob" }, "deny": "not this certificate" },
        {
            "match": { "username": "alice", "password": "plain:secret", "token": "plain:token", "name": "laptop", "kind": "Client",
                       "certificate-subject": "O=Acme", "connection-type": "STANDARD", "name-tag": "alice-laptop", "method": "token" },
            "permit": { "account": "APP", "user-name": "a", "publish-allow": ["p"], "subscribe-deny": ["s"],
                        "responses": { "max": 2, "ttl-ms": 50 }, "expires-at": NOW + 5, "tags": ["t"], "proxy-required": true,
                        "sources": ["10.0.0.0/8"], "connection-types": ["STANDARD"], "role": "r" },
        },
    ]));
    let Ok(Verdict::Permit(permit)) = decide(&policy) else {
        panic!("no permit")
    };
    assert_eq!(permit.account(), "APP");
    assert_eq!(permit.role(), Some("r"));
    assert_eq!(permit.expires_at(), Some(NOW + 5));
    assert!(permit.requires_proxy() && permit.sources().listed().count() == 1);
    let denies = conforms(&serde_json::json!([{ "deny": "closed" }]));
    assert_eq!(decide(&denies), Ok(Verdict::Deny("closed".to_owned())));
    let abstains = conforms(&serde_json::json!([{ "abstain": true }, { "deny": "closed" }]));
    assert_eq!(decide(&abstains), Ok(Verdict::Abstain));
}

#[test]
fn a_permit_of_many_long_subjects_crosses_in_portions() {
    let subjects: Vec<_> = (0..300).map(|number| format!("{number:0900}")).collect();
    let rules = serde_json::json!([{
        "permit": { "account": "APP", "publish-allow": subjects, "subscribe-allow": ["x"], "subscribe-deny": subjects },
    }]);
    let settings = serde_json::json!({ "rules": rules }).to_string();
    // Each list alone exceeds the limit.
    let limits = Limits {
        host_call_bytes: 64 << 10,
        ..Limits::default()
    };
    let grants = Grants::default();
    let policy = load_with(&engine(), &guest("conforms"), &settings, limits, grants).unwrap();
    let Ok(Verdict::Permit(permit)) = decide(&policy) else {
        panic!("no permit")
    };
    let texts =
        |list: &[PermissionSubject]| -> Vec<_> { list.iter().map(ToString::to_string).collect() };
    assert_eq!(texts(&permit.permissions().publish.allow), subjects);
    assert_eq!(texts(&permit.permissions().subscribe.deny), subjects);
}

#[test]
fn a_permit_that_allows_nothing_denies_everything() {
    let Ok(Verdict::Permit(permit)) = decide(&load("permits_nothing").unwrap()) else {
        panic!("no permit")
    };
    assert_eq!(
        permit.permissions().publish.deny,
        [PermissionSubject::everything()]
    );
    assert_eq!(
        permit.permissions().subscribe.deny,
        [PermissionSubject::everything()]
    );
}

#[test]
fn no_decision_sees_the_memory_of_another() {
    let policy = load("counts").unwrap();
    for _ in 0..3 {
        assert_eq!(decide(&policy), Ok(Verdict::Deny("decision 1".to_owned())));
    }
}

#[test]
fn a_panic_is_reported_with_its_message() {
    let (class, message) = failure("panics");
    assert_eq!(class, DenialClass::PolicyTrapped);
    assert!(message.contains("the guest panics on purpose"), "{message}");
    assert!(message.contains("panics.rs:"), "{message}");
}

#[test]
fn a_stack_overflow_is_a_trap() {
    let (class, message) = failure("recurses");
    assert_eq!(class, DenialClass::PolicyTrapped);
    assert!(message.contains("stack"), "{message}");
    // What a policy logged before is no panic.
    assert!(!message.contains("an ordinary error"), "{message}");
}

#[test]
fn memory_is_limited() {
    let (class, message) = failure("allocates");
    assert_eq!(class, DenialClass::PolicyMemory);
    assert!(message.contains("16777216"), "{message}");
}

#[test]
fn a_runaway_policy_is_stopped_and_others_are_not_disturbed() {
    let engine = engine();
    let limits = Limits {
        deadline: Duration::from_millis(200),
        ..Limits::default()
    };
    let load = |name: &str| {
        let policy = load_with(&engine, &guest(name), "{}", limits, Grants::default());
        Arc::new(policy.unwrap())
    };
    let (spins, quiet) = (load("spins"), load("counts"));
    let runaway = std::thread::spawn(move || (decide(&spins), Instant::now()));
    let mut answered = 0;
    while !runaway.is_finished() {
        assert!(decide(&quiet).is_ok());
        answered += 1;
    }
    let (result, _) = runaway.join().unwrap();
    assert_eq!(result, Err(EvaluationError::Deadline(limits.deadline)));
    assert_eq!(result.unwrap_err().class(), DenialClass::PolicyDeadline);
    assert!(answered > 0, "the quiet policy never got to answer");
}

#[test]
fn the_requests_own_deadline_stops_a_policy_too() {
    let policy = load("spins").unwrap();
    let error = policy
        .evaluate(request(), Instant::now())
        .run()
        .unwrap_err();
    // The policy had no time to exceed.
    assert_eq!(error.class(), DenialClass::Deadline);
    assert_eq!(error.class().blame(), Some(Blame::Host));
}

/// Verifies that the decision ends before the host computes the hash, at any stage of the policy.
#[test]
fn a_hash_for_which_there_is_no_time_is_no_fault_of_the_policy() {
    let hash = "$argon2id$v=19$m=262144,t=4,p=1$c29tZXNhbHRzb21lc2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let settings = format!(
        r#"{{ "default-account": "APP", "profiles": {{ "p": {{}} }}, "users": {{ "alice": {{ "password": "{hash}", "profile": "p" }} }} }}"#
    );
    let module = policy("static-users");
    let limits = Limits::default();
    let policy = load_with(&engine(), &module, &settings, limits, Grants::default()).unwrap();
    let mut with_password = (*request()).clone();
    with_password.credentials.token = None;
    with_password.identity = identified(&with_password);
    let deadline = Instant::now() + Duration::from_millis(50);
    let error = policy
        .evaluate(Arc::new(with_password), deadline)
        .run()
        .unwrap_err();
    assert_eq!(error.class(), DenialClass::Deadline, "{error}");
    assert_eq!(error.class().blame(), Some(Blame::Host));
}

#[test]
fn cheap_hashes_buy_a_policy_no_time() {
    // More comparisons than the policy's time allows.
    let limits = Limits {
        comparisons: Limits::MAX.comparisons,
        ..Limits::default()
    };
    let module = guest("buys_time");
    let policy = load_with(&engine(), &module, "{}", limits, plain_hashes()).unwrap();
    let error = decide(&policy).unwrap_err();
    assert_eq!(error.class(), DenialClass::PolicyDeadline);
}

#[test]
fn an_invalid_permit_names_every_problem() {
    let (class, message) = failure("permits_nonsense");
    assert_eq!(class, DenialClass::InvalidPermit);
    for part in [
        "publish-allow",
        "`a..b`",
        "subscribe-allow",
        "`A P`",
        "`10.0.0.1`",
        "`BOGUS`",
        "`8:00`",
        "`here and now`",
        "limit-subscriptions: `0`",
        "limit-payload: `4294967295`",
    ] {
        assert!(message.contains(part), "`{part}` is not in `{message}`");
    }
    let (class, message) = failure("floods_the_permit");
    assert_eq!(class, DenialClass::InvalidPermit);
    assert!(message.contains("more than 4096 subjects"), "{message}");
}

#[test]
fn a_flood_of_log_lines_is_cut_and_the_decision_stands() {
    assert_eq!(
        decide(&load("floods_the_log").unwrap()),
        Ok(Verdict::Abstain)
    );
}

#[test]
fn a_flood_of_bytes_towards_the_host_is_refused() {
    let (class, message) = failure("floods_the_host");
    assert_eq!(class, DenialClass::PolicyOutput);
    assert!(message.contains("1048576 bytes"), "{message}");
}

#[test]
fn every_limit_is_kept_to() {
    let most = Limits::default();
    let cases = [
        (
            "floods_the_permit",
            Limits {
                subjects: 8,
                ..most
            },
            "more than 8 subjects",
        ),
        (
            "floods_the_log",
            Limits {
                host_call_bytes: 4095,
                ..most
            },
            "limit of 4095 bytes in one call",
        ),
        (
            "panics",
            Limits {
                log_line_bytes: 8,
                ..most
            },
            "trapped: panicked…",
        ),
        (
            "panics",
            Limits {
                log_lines: 0,
                ..most
            },
            // No line is logged, but the reason still has the message.
            "the guest panics on purpose",
        ),
        (
            "allocates",
            Limits {
                memory: 4 << 20,
                ..most
            },
            "limit of 4194304",
        ),
    ];
    let engine = engine();
    let load = |name, limits| load_with(&engine, &guest(name), "{}", limits, Grants::default());
    for (name, limits, part) in cases {
        let error = decide(&load(name, limits).unwrap())
            .unwrap_err()
            .to_string();
        assert!(error.contains(part), "{name}: {error}");
    }
    let error = load("counts", Limits { tables: 0, ..most }).unwrap_err();
    assert!(error.to_string().contains("limit of 0"), "{error}");
    let limits = Limits {
        host_call_bytes: 4 << 20,
        reason_bytes: 8,
        ..most
    };
    let verdict = decide(&load("floods_the_host", limits).unwrap());
    assert_eq!(verdict, Ok(Verdict::Deny("xxxxxxxx…".to_owned())));
}
