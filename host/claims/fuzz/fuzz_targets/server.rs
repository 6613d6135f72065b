//! Server verdicts on a response: no server refuses what passes the host's own check.
//!
//! The input is a byte of switches, the claims of the user JWT, a zero byte, and the claims of the
//! response. In the latter, `@T` stands for the user JWT.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use portcullis_claims::{
    AccountView, LoginFacts, OperatorView, RoleTemplate, ScopeView, ServerMode, ServerVerdict,
    ServerVersion, Signatures, SigningKeyView, SubjectRule, preflight_for, server_verdict,
};
use portcullis_claims_fuzz::{token_of, token_with, word};
use portcullis_core::ConnectionType;

const NOW: u64 = 1_795_300_862;

static CALLOUT: LazyLock<AccountView> = LazyLock::new(|| AccountView {
    key: word('A').to_owned(),
    name: "AUTH".to_owned(),
    ..AccountView::default()
});

static ACCOUNTS: LazyLock<[AccountView; 1]> = LazyLock::new(|| {
    let template = RoleTemplate {
        publish: SubjectRule {
            allow: ["{{name()}}.{{tag(team)}}.>", "{{subject()}}"]
                .map(str::to_owned)
                .to_vec(),
            ..SubjectRule::default()
        },
        proxy_required: true,
        ..RoleTemplate::default()
    };
    let scope = ScopeView {
        role: "role".to_owned(),
        template: Some(template),
    };
    let key = SigningKeyView {
        key: word('A').to_owned(),
        scope: Some(scope),
    };
    [AccountView {
        key: word('a').to_owned(),
        name: "APP".to_owned(),
        signing_keys: vec![key],
        ..AccountView::default()
    }]
});

static VERSIONS: LazyLock<[ServerVersion; 6]> = LazyLock::new(|| {
    let texts = ["2.10.26", "2.11.11", "2.12.8", "2.14.9", "2.15.1", "2.15.3"];
    texts.map(|text| text.parse().unwrap())
});

fuzz_target!(|data: &[u8]| {
    let Some((switches, rest)) = data.split_first() else {
        return;
    };
    let (user, response) = match rest.iter().position(|byte| *byte == 0) {
        Some(at) => (&rest[..at], &rest[at + 1..]),
        None => (&b""[..], rest),
    };
    let token = token_with(response, &token_of(user));
    let Ok(token) = str::from_utf8(&token) else {
        return;
    };
    judge(*switches, token);
});

fn judge(switches: u8, token: &str) {
    let login = LoginFacts {
        user_nkey: word('U'),
        server_id: word('N'),
        client_user: Some("alice").filter(|_| switches & 1 != 0),
        client_host: Some("10.1.2.3"),
        connection_type: Some(ConnectionType::Standard),
        proxied: true,
        sealed: false,
    };
    let names = ["APP"];
    let mode = if switches & 2 == 0 {
        ServerMode::Config {
            issuer: word('A'),
            accounts: Some(names.as_slice()).filter(|_| switches & 4 != 0),
        }
    } else {
        ServerMode::Operator(OperatorView {
            callout: &CALLOUT,
            accounts: ACCOUNTS.as_slice(),
            strict_signing_keys: switches & 4 != 0,
        })
    };
    let version = VERSIONS[usize::from(switches >> 3) % VERSIONS.len()];
    let trust = Signatures::Trust;
    let passed = preflight_for(token, &login, &mode, Some(version), NOW, trust);
    let verdict = server_verdict(token, &login, &mode, version, NOW, trust);
    match &passed {
        Ok(passed) => {
            assert_eq!(Ok(passed), verdict.as_ref());
            for version in *VERSIONS {
                if version >= ServerVersion::NEWEST {
                    assert!(server_verdict(token, &login, &mode, version, NOW, trust).is_ok());
                }
            }
        }
        Err(refusal) => assert!(refusal.to_string().len() < 4096),
    }
    if let Ok(ServerVerdict::Accepted(accepted)) = &verdict {
        assert!(!accepted.account.is_empty());
        assert!(accepted.expires_at.is_none_or(|at| at >= NOW));
    }
}
