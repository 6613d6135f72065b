//! Values that the tests of this crate share.

use std::collections::BTreeSet;

use nats_token::{AuthorizationRequest, AuthorizationRequestClaims, KeyPair};
use portcullis_authority::{Issuers, PermitRules, TargetAccounts};
use portcullis_claims::IssuerKey;
pub(crate) use portcullis_test_support::{NOW, alice as request, permitted as permit};

use crate::{HostKeys, ServiceOptions};

pub(crate) fn options() -> ServiceOptions {
    let seed = IssuerKey::generate_seed().unwrap();
    let issuers = Issuers::Config(IssuerKey::from_seed(seed.expose()).unwrap());
    let rules = PermitRules {
        accounts: TargetAccounts::Only(BTreeSet::from(["APP".parse().unwrap()])),
        ..PermitRules::default()
    };
    ServiceOptions::new(HostKeys::new(issuers), rules, "AUTH".parse().unwrap())
}

/// Returns the time of the wall clock, in seconds since the Unix epoch.
pub(crate) fn now() -> u64 {
    std::time::UNIX_EPOCH.elapsed().unwrap().as_secs()
}

/// Returns a request of the server with the key `server` to a service that answers for `subject`.
pub(crate) fn request_token(
    server: &KeyPair,
    subject: &str,
    change: impl FnOnce(&mut AuthorizationRequest),
) -> String {
    let mut claims = AuthorizationRequestClaims::new(subject).unwrap();
    claims.claims.expires = i64::try_from(now() + 2).unwrap();
    claims.claims.audience = "nats-authorization-request".to_owned();
    claims.request.user_nkey = KeyPair::new_user().public_key();
    claims.request.server_id.id = server.public_key();
    change(&mut claims.request);
    claims.encode(server).unwrap()
}
