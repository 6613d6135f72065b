//! An engine, a request and loaded policies for the tests of engine and catalog.
//!
//! A function that fails ends the test that calls it.

#![expect(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    clippy::missing_errors_doc,
    reason = "code of tests, which may fail as tests may"
)]

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};

use portcullis_core::{
    AuthorizationRequest, BucketName, Client, ClientKind, ClientTls, Credentials, FixedKeyValues,
    Identity, Secret, Server, Transport, Verdict,
};
use portcullis_engine::{
    CodeCacheOptions, Engine, EngineOptions, EvaluationError, Grants, Limits, LoadError, Policy,
    Source,
};
use portcullis_identity::{Identifier, PasswordVerifier};
use tokio::runtime::Runtime;
use wit_component::ComponentEncoder;

/// The time after which an event counts as lost: far longer than it takes on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// The time at which the request in these tests was received, in seconds since the Unix epoch.
pub const NOW: u64 = 1_800_000_000;

/// Returns a module of the guests' package.
pub fn guest(name: &str) -> Vec<u8> {
    portcullis_test_support::guest(name).unwrap()
}

/// Returns the policy of the package `package`.
pub fn policy(package: &str) -> Vec<u8> {
    portcullis_test_support::policy(package).unwrap()
}

/// Returns the guest `name` as a component whose state cannot be read, because its code changes a
/// table.
pub fn unreadable(name: &str) -> Vec<u8> {
    let mut component = ComponentEncoder::default()
        .module(&guest(name))
        .unwrap()
        .encode()
        .unwrap();
    let module = wat("(module (table 1 funcref) (func (table.set (i32.const 0) (ref.null func))))");
    // A section of the kind `core module`, shorter than 128 bytes.
    component.extend([1, u8::try_from(module.len()).unwrap()]);
    component.extend(module);
    component
}

/// Returns a module in the text format as bytes.
pub fn wat(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap()
}

/// Returns an engine with the options of a host.
pub fn engine() -> Engine {
    engine_with(None)
}

/// Returns an engine with the options of a host, and with a cache of compiled code.
pub fn engine_with(code_cache: Option<CodeCacheOptions>) -> Engine {
    let verifier = PasswordVerifier::new(NonZeroUsize::MIN);
    let options = EngineOptions {
        max_concurrent: 8,
        code_cache,
    };
    Engine::new(options, Arc::new(verifier)).unwrap()
}

/// Returns an engine with three buckets: `revoked` with mallory and a long value, `tenants`, and
/// `away`, whose look-ups fail.
pub fn engine_with_buckets() -> Engine {
    let long = "x".repeat(2000);
    let buckets = FixedKeyValues::default()
        .with(
            &bucket("revoked"),
            [("mallory", "left in May"), ("long", &long)],
        )
        .with(&bucket("tenants"), [("acme", "gold")])
        .without(bucket("away"));
    engine().with_key_values(Arc::new(buckets))
}

/// Returns the name of a bucket.
pub fn bucket(name: &str) -> BucketName {
    name.parse().unwrap()
}

/// Returns the grant of these buckets.
pub fn granted_buckets(buckets: &[&str]) -> Grants {
    Grants {
        key_values: buckets.iter().map(|name| bucket(name)).collect(),
        ..Grants::default()
    }
}

/// The user nkey of [`request`].
pub const USER: &str = "UACPRGLNU5R3PKLJWEBI5YYAOVU6V45GGVEG3WVSCHKRFSC3TX4PW42R";
/// The server of [`request`].
pub const SERVER: &str = "NCZ6VTJTIM5TDNJFENIQGLE3HZ5C46VHOOGV33G7BXLMMJUAQU6ANOAA";

/// Returns a request with a value in every field.
pub fn request() -> Arc<AuthorizationRequest> {
    let some = |text: &str| Some(text.to_owned());
    let mut request = AuthorizationRequest {
        user_nkey: USER.parse().unwrap(),
        server: Server {
            id: SERVER.parse().unwrap(),
            name: "server-1".to_owned(),
            host: "0.0.0.0".to_owned(),
            version: some("2.15.1"),
            cluster: some("hermes"),
            tags: vec!["eu".to_owned()],
        },
        client: Client {
            host: some("10.0.0.7"),
            id: 42,
            user: some("alice"),
            name: some("laptop"),
            kind: Some(ClientKind::Client),
            transport: Some(Transport::Nats),
            mqtt_id: some("m1"),
            lang: some("rust"),
            version: some("0.51"),
            tags: vec!["tag".to_owned()],
            name_tag: some("alice-laptop"),
            nonce: None,
            tls: Some(ClientTls {
                version: "1.3".to_owned(),
                cipher: "TLS_AES_128_GCM_SHA256".to_owned(),
                verified: true,
                chains: vec![vec![
                    include_str!("../../../host/identity/tests/fixtures/client.pem").to_owned(),
                ]],
            }),
            wanted_account: None,
        },
        credentials: Credentials {
            username: some("alice"),
            password: Some(Secret::new("secret")),
            token: Some(Secret::new("token")),
            ..Credentials::default()
        },
        identity: Identity::default(),
        received_at: NOW,
    };
    request.identity = identified(&request);
    Arc::new(request)
}

/// Returns the identity that the host's own identifier derives.
pub fn identified(request: &AuthorizationRequest) -> Identity {
    let deadline = Instant::now() + Duration::from_mins(1);
    Runtime::new()
        .unwrap()
        .block_on(Identifier::default().identify(request, deadline))
        .unwrap()
}

/// Loads a guest with empty settings and ordinary limits.
pub fn load(name: &str) -> Result<Policy, LoadError> {
    load_bytes(&guest(name))
}

/// Loads a module with empty settings and ordinary limits.
pub fn load_bytes(module: &[u8]) -> Result<Policy, LoadError> {
    load_with(
        &engine(),
        module,
        "{}",
        Limits::default(),
        Grants::default(),
    )
}

/// Loads a module with these arguments.
pub fn load_with(
    engine: &Engine,
    module: &[u8],
    settings: &str,
    limits: Limits,
    grants: Grants,
) -> Result<Policy, LoadError> {
    let name = "guest".parse().unwrap();
    let source = Source {
        name: &name,
        module,
        settings,
    };
    Policy::load(engine, source, limits, grants)
}

/// Returns the grant of `plain:` forms.
pub fn plain_hashes() -> Grants {
    Grants {
        plain_hashes: true,
        ..Grants::default()
    }
}

/// Returns the verdict of a policy on [`request`], with more time than it needs.
pub fn decide(policy: &Policy) -> Result<Verdict, EvaluationError> {
    policy
        .evaluate(request(), Instant::now() + Duration::from_mins(1))
        .run()
}
