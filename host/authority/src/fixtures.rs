//! Values that the tests of this crate share.

use std::sync::Arc;

use portcullis_core::{
    AuthorizationRequest, Client, Credentials, Decision, Identity, Outcome, Permit, PolicyRef,
    Server,
};

use crate::{PermitRules, TargetAccounts};

pub(crate) const NOW: u64 = 1_800_000_000;

pub(crate) fn rules() -> PermitRules {
    PermitRules {
        accounts: TargetAccounts::new(["APP".to_owned()], ["AUTH".to_owned()]),
        ..PermitRules::default()
    }
}

pub(crate) fn request() -> AuthorizationRequest {
    AuthorizationRequest {
        user_nkey: nats_token::KeyPair::new_user().public_key(),
        server: Server {
            id: nats_token::KeyPair::new_server().public_key(),
            ..Server::default()
        },
        client: Client::default(),
        credentials: Credentials {
            username: Some("alice".to_owned()),
            ..Credentials::default()
        },
        identity: Identity::default(),
        received_at: NOW,
    }
}

/// Returns a decision of the policy `staff` to permit.
pub(crate) fn permit(permit: Permit) -> Decision {
    Decision {
        outcome: Outcome::Permit(permit),
        policy: Some(Arc::new(PolicyRef {
            name: "staff".parse().unwrap(),
            digest: format!("sha256:{}", "ab".repeat(32)).parse().unwrap(),
            version: format!("sha256:{}", "cd".repeat(32)).parse().unwrap(),
            generation: 7,
        })),
        abstained: Vec::new(),
    }
}
