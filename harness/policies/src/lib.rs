//! The engine, the request and the modules of the tests.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};

use portcullis_catalog::{ChildProver, Prover};
use portcullis_core::{
    AuthorizationRequest, Client, ClientTls, Credentials, Identity, Secret, Server, Verdict,
};
use portcullis_engine::{
    CodeCacheOptions, Engine, EngineOptions, EvaluationError, Grants, Limits, LoadError, Policy,
    Source,
};
use portcullis_identity::{Identifier, PasswordVerifier};
use portcullis_harness::Built;
use tokio::runtime::Runtime;

/// The time at which the request in these tests was received, in seconds since the Unix epoch.
pub(crate) const NOW: u64 = 1_800_000_000;

/// Returns a module of the guests' package.
pub(crate) fn guest(name: &str) -> Vec<u8> {
    Built::guest(name).unwrap()
}

/// Returns a prover that runs the program `portcullis`.
pub(crate) fn child() -> Prover {
    let child = ChildProver::new(Built::portcullis().unwrap(), ["prove"]);
    Prover::Child(child.with_variable("MIMALLOC_ARENA_EAGER_COMMIT", "0"))
}

/// Returns a module in the text format as bytes.
pub(crate) fn wat(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap()
}

/// Returns an engine with the options of a host.
pub(crate) fn engine() -> Engine {
    engine_with(None)
}

/// Returns an engine with the options of a host, and with a cache of compiled code.
pub(crate) fn engine_with(code_cache: Option<CodeCacheOptions>) -> Engine {
    let verifier = PasswordVerifier::new(NonZeroUsize::MIN);
    let options = EngineOptions {
        max_concurrent: 8,
        code_cache,
    };
    Engine::new(options, Arc::new(verifier)).unwrap()
}

/// Returns a request with a value in every field.
pub(crate) fn request() -> Arc<AuthorizationRequest> {
    let some = |text: &str| Some(text.to_owned());
    let mut request = AuthorizationRequest {
        user_nkey: "UUSER".to_owned(),
        server: Server {
            id: "NSERVER".to_owned(),
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
            kind: some("Client"),
            transport: some("nats"),
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
                    include_str!("../../host/identity/tests/fixtures/client.pem").to_owned(),
                ]],
            }),
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
pub(crate) fn identified(request: &AuthorizationRequest) -> Identity {
    let deadline = Instant::now() + Duration::from_mins(1);
    Runtime::new()
        .unwrap()
        .block_on(Identifier::default().identify(request, deadline))
        .unwrap()
}

/// Loads a guest with empty settings and ordinary limits.
pub(crate) fn load(name: &str) -> Result<Policy, LoadError> {
    load_bytes(&guest(name))
}

/// Loads a module with empty settings and ordinary limits.
pub(crate) fn load_bytes(module: &[u8]) -> Result<Policy, LoadError> {
    load_with(
        &engine(),
        module,
        "{}",
        Limits::default(),
        Grants::default(),
    )
}

/// Loads a module with these arguments.
pub(crate) fn load_with(
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
pub(crate) fn plain_hashes() -> Grants {
    Grants {
        plain_hashes: true,
        ..Grants::default()
    }
}

/// Returns the verdict of a policy on [`request`], with more time than it needs.
pub(crate) fn decide(policy: &Policy) -> Result<Verdict, EvaluationError> {
    policy
        .evaluate(request(), Instant::now() + Duration::from_mins(1))
        .run()
}
