//! Tests of the policy's decisions and of its errors about settings.

mod callout101;
mod decisions;
mod documentation;
mod refusals;

use policy_support::testing::configure;
use portcullis_sdk::testing::{self, RequestBuilder};
use portcullis_sdk::{Policy, Request, Verdict};

use crate::StaticUsers;

/// A text with the form of a hash, which tests take for the hash of `secret`.
const HASH: &str = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaA";
/// A text with the form of a digest, which tests take for the digest of a token.
const DIGEST: &str = "sha256:2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b";

fn policy(toml: &str) -> StaticUsers {
    configure(toml).unwrap()
}

fn login(username: &str, password: &str) -> RequestBuilder {
    Request::builder().username(username).password(password)
}

fn decide(policy: &StaticUsers, request: RequestBuilder) -> Verdict {
    policy.decide(&request.build())
}
