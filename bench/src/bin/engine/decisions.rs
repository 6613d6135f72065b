//! Instantiations and decisions of the reference policies, in the engine that hosts run.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use portcullis_bench::{CLAIMS, GROUPS, Work, texts};
use portcullis_core::{
    AuthorizationRequest, Claims, Client, ClientKind, Credentials, Identity, KeyKind, Method,
    PolicyName, PublicKey, Secret, Server, Strength, Transport, Verdict,
};
use portcullis_engine::measure::{self, Reused};
use portcullis_engine::{Engine, EngineOptions, Grants, Limits, Policy, Source};
use portcullis_identity::PasswordVerifier;
use portcullis_test_support::policy;
use serde_json::{Value, json};

pub(crate) const STORE: &str = "store of a decision, made and dropped";
pub(crate) const UNCONFIGURED: &str = "instantiate static-users, never configured";
pub(crate) const CONFIGURED: &str = "instantiate static-users, configured";
pub(crate) const USERS: &str = "decide static-users, fresh instance";
pub(crate) const USERS_REUSED: &str = "decide static-users, reused instance";
pub(crate) const ROLES: &str = "decide oidc-roles, fresh instance";
pub(crate) const ROLES_REUSED: &str = "decide oidc-roles, reused instance";
pub(crate) const CEDAR: &str = "decide cedar, fresh instance";
pub(crate) const CEDAR_REUSED: &str = "decide cedar, reused instance";
pub(crate) const REGO: &str = "decide rego, fresh instance";
pub(crate) const REGO_REUSED: &str = "decide rego, reused instance";

/// The time in which an answer is useful.
pub(crate) const DEADLINE: Duration = Duration::from_secs(2);
/// The maximum time of use of a reused instance: longer than any run.
const RUN: Duration = Duration::from_hours(1);

/// The loaded policies.
pub(crate) struct Loaded {
    /// A policy loaded without its settings.
    unconfigured: Policy,
    users: Policy,
    roles: Policy,
    cedar: Policy,
    rego: Policy,
}

impl Loaded {
    /// Loads the policies.
    pub(crate) fn new() -> Result<Self> {
        let options = EngineOptions {
            max_concurrent: 64,
            ..EngineOptions::default()
        };
        let engine = Engine::new(options, Arc::new(PasswordVerifier::default()))?;
        let users = policy("static-users")?;
        let users = Source {
            name: &"users".parse::<PolicyName>()?,
            module: &users,
            settings: USERS_SETTINGS,
        };
        let roles = policy("oidc-roles")?;
        let roles = Source {
            name: &"roles".parse::<PolicyName>()?,
            module: &roles,
            settings: ROLES_SETTINGS,
        };
        let limits = Limits::default();
        let grants = || Grants {
            plain_hashes: true,
            ..Grants::default()
        };
        let with_text = |package: &str, settings: Value| -> Result<Policy> {
            let source = Source {
                name: &package.parse::<PolicyName>()?,
                module: &policy(package)?,
                settings: &settings.to_string(),
            };
            Ok(Policy::load(&engine, source, limits, grants())?)
        };
        Ok(Self {
            cedar: with_text("cedar", cedar_settings())?,
            rego: with_text("rego", json!({ "rego-text": texts::REGO }))?,
            unconfigured: measure::unconfigured(&engine, users, limits, grants())?,
            users: Policy::load(&engine, users, limits, grants())?,
            roles: Policy::load(&engine, roles, limits, grants())?,
        })
    }

    pub(crate) fn works(&self) -> Result<Vec<Work<'_>>> {
        let (password, token) = (Arc::new(password_login()), Arc::new(token_login()?));
        let mut works = vec![
            Work::new(STORE, || {
                measure::store(&self.users);
                Ok(())
            }),
            Work::new(UNCONFIGURED, || {
                Ok(measure::instantiate(&self.unconfigured)?)
            }),
            Work::new(CONFIGURED, || Ok(measure::instantiate(&self.users)?)),
        ];
        works.extend(decisions([USERS, USERS_REUSED], &self.users, &password)?);
        works.extend(decisions([ROLES, ROLES_REUSED], &self.roles, &token)?);
        works.extend(decisions([CEDAR, CEDAR_REUSED], &self.cedar, &token)?);
        works.extend(decisions([REGO, REGO_REUSED], &self.rego, &token)?);
        Ok(works)
    }
}

/// Measures one decision, with fresh instances and with a reused one.
fn decisions<'policy>(
    [fresh_name, reused_name]: [&str; 2],
    policy: &'policy Policy,
    request: &Arc<AuthorizationRequest>,
) -> Result<[Work<'policy>; 2]> {
    let mut instance = Reused::new(policy, Arc::clone(request), RUN)?;
    let request = Arc::clone(request);
    let fresh = move || {
        Ok(policy
            .evaluate(Arc::clone(&request), Instant::now() + DEADLINE)
            .run()?)
    };
    let mut reused = move || Ok(instance.decide()?);
    for verdict in [fresh()?, reused()?] {
        let permitted = matches!(verdict, Verdict::Permit(_));
        ensure!(permitted, "{fresh_name}: {verdict:?}");
    }
    Ok([Work::new(fresh_name, fresh), Work::new(reused_name, reused)])
}

/// Settings with plain-text passwords, so that no slow hash is part of a decision.
const USERS_SETTINGS: &str = r#"{
    "default-account": "APP",
    "dangerous-plain-text-passwords": true,
    "profiles": {
        "staff": {
            "publish": { "allow": ["orders.>", "returns.>"], "deny": ["orders.archive.>"] },
            "subscribe": { "allow": ["_INBOX.>", "orders.>"] }
        },
        "reporting": { "subscribe": { "allow": ["orders.*.status", "returns.*.status"] } },
        "service": {
            "publish": { "allow": ["stock.>"] },
            "subscribe": { "allow": ["_INBOX.>", "orders.new"] },
            "responses": { "max": 1, "ttl": "2m" }
        }
    },
    "users": {
        "alice": { "password": "plain:alice's", "profile": "staff", "expires-in": "8h" },
        "bob": { "password": "plain:bob's", "profile": "staff", "expires-in": "8h" },
        "carol": { "password": "plain:carol's", "profile": "reporting" },
        "dashboard": { "token": "plain:of the dashboard", "account": "REPORTS", "profile": "reporting" },
        "dave": { "password": "plain:dave's", "profile": "staff" },
        "stock": { "password": "plain:of the stock", "profile": "service" },
        "returns": { "token": "plain:of the returns", "profile": "service" },
        "zoe": { "password": "plain:zoe's", "profile": "reporting", "expires-in": "1h" }
    }
}"#;

/// Returns settings with an account and two profiles, and [`texts::CEDAR`].
fn cedar_settings() -> Value {
    json!({
        "cedar-text": texts::CEDAR,
        "accounts": ["APP"],
        "issuers": ["https://login.example.com/realms/orders"],
        "claims": { "scope": "string" },
        "profiles": {
            "reader": { "subscribe": { "allow": ["orders.>", "_INBOX.>"] } },
            "writer": { "publish": { "allow": ["orders.note.{{claim.sub}}"] } },
        },
    })
}

const ROLES_SETTINGS: &str = r#"{
    "account": "APP",
    "issuers": ["https://login.example.com/realms/orders"],
    "role-claims": ["realm_access.roles"],
    "roles": {
        "reader": { "subscribe": { "allow": ["_INBOX.>", "orders.>"], "deny": ["orders.secret.>"] } },
        "writer": { "publish": { "allow": ["orders.new.{{claim.org_unit}}", "orders.note.{{claim.sub}}"] } },
        "group": { "subscribe": { "allow": ["groups.{{group}}"] } },
        "admin": {
            "account": "ADMIN",
            "publish": { "allow": [">"] },
            "subscribe": { "allow": [">"] },
            "sources": ["10.0.0.0/8"]
        }
    }
}"#;

/// Returns a login with a password.
pub(crate) fn password_login() -> AuthorizationRequest {
    let credentials = Credentials {
        username: Some("dave".to_owned()),
        password: Some(Secret::new("dave's")),
        ..Credentials::default()
    };
    let identity = Identity::claimed(&credentials);
    request(credentials, identity)
}

/// Returns a login with a verified token.
fn token_login() -> Result<AuthorizationRequest> {
    let roles = r#""realm_access": { "roles": ["reader", "writer"] }"#;
    let claims = Claims::from_json(&format!("{{ {CLAIMS}, {roles} }}"))?;
    let identity = Identity {
        principal: Some("alice@example.com".to_owned()),
        method: Method::Oidc,
        strength: Strength::Proved,
        issuer: Some("https://login.example.com/realms/orders".to_owned()),
        expires_at: Some(1_800_003_600),
        claims,
        groups: GROUPS.map(str::to_owned).to_vec(),
        ..Identity::default()
    };
    Ok(request(Credentials::default(), identity))
}

fn request(credentials: Credentials, identity: Identity) -> AuthorizationRequest {
    let text = |text: &str| Some(text.to_owned());
    AuthorizationRequest {
        user_nkey: PublicKey::from_bytes(KeyKind::User, [7; PublicKey::LEN]),
        server: Server {
            name: "nats-1".to_owned(),
            host: "0.0.0.0".to_owned(),
            version: text("2.15.1"),
            ..Server::new(PublicKey::from_bytes(KeyKind::Server, [7; PublicKey::LEN]))
        },
        client: Client {
            host: text("192.0.2.17"),
            id: 4711,
            kind: Some(ClientKind::Client),
            transport: Some(Transport::Nats),
            lang: text("rust"),
            version: text("0.51.0"),
            ..Client::default()
        },
        credentials,
        identity,
        received_at: 1_800_000_000,
    }
}
