//! A login, for tests that have no policies.

use std::sync::Arc;

use portcullis_core::{
    AuthorizationRequest, Client, Credentials, Decision, Identity, Outcome, Permit, PolicyRef,
    PublicKey, Server,
};

/// The time at which [`alice`] was received, in seconds since the Unix epoch.
pub const NOW: u64 = 1_800_000_000;

/// Returns a request of the user `alice`, with new keys of the user and the server.
pub fn alice() -> AuthorizationRequest {
    AuthorizationRequest {
        user_nkey: public(&nats_token::KeyPair::new_user()),
        server: Server::new(public(&nats_token::KeyPair::new_server())),
        client: Client::default(),
        credentials: Credentials {
            username: Some("alice".to_owned()),
            ..Credentials::default()
        },
        identity: Identity::default(),
        received_at: NOW,
    }
}

#[expect(clippy::unwrap_used, reason = "a key pair has a public key")]
fn public(pair: &nats_token::KeyPair) -> PublicKey {
    pair.public_key().parse().unwrap()
}

/// Returns a decision of the policy `staff` to permit.
///
/// # Panics
///
/// Never: the names and digests are valid.
#[expect(clippy::unwrap_used, reason = "constants")]
pub fn permitted(permit: Permit) -> Decision {
    Decision {
        outcome: Outcome::Permit(permit),
        policy: Some(Arc::new(PolicyRef {
            name: "staff".parse().unwrap(),
            digest: format!("sha256:{}", "ab".repeat(32)).parse().unwrap(),
            version: format!("sha256:{}", "cd".repeat(32)).parse().unwrap(),
            generation: 7,
        })),
        abstained: Vec::new(),
        steps: Vec::new(),
    }
}
