//! Identities that a login can have: those that the host's identifier makes
//! (`docs/reference/identity.md`).
//!
//! A policy test with another identity tests a login that never occurs.

use portcullis_core::{Identity, Method, Strength};

/// Checks that a login can have this identity. The error is one line.
pub(super) fn check(identity: &Identity) -> Result<(), String> {
    let method = identity.method.as_str();
    let proved = identity.strength == Strength::Proved;
    match identity.method {
        Method::Oidc => {
            require(
                proved,
                "the host takes a token only if it has verified it: add `proved = true`",
            )?;
            require(
                identity.issuer.is_some(),
                "a verified token has an issuer: add `issuer = \"https://…\"`",
            )?;
        }
        Method::Certificate => {
            let verified = identity
                .certificate
                .as_ref()
                .is_some_and(|leaf| leaf.verified);
            require(
                proved && verified,
                "the method `certificate` needs `proved = true`, and `certificate = { verified = true, … }` beside the identity",
            )?;
        }
        Method::Jwt => {
            let has_proof = identity.issuer.is_some() || identity.nkey.is_some();
            require(
                !proved || has_proof,
                "a user JWT is proved by the account that issued it or by the client's nkey: add `issuer` or `nkey`",
            )?;
            require(
                proved || identity.nkey.is_none(),
                "a user JWT whose nkey the client has shown to hold is proved: add `proved = true`",
            )?;
        }
        Method::Nkey => require(
            proved == identity.nkey.is_some(),
            "an nkey is proved by the client's signature: set both `proved = true` and `nkey`, or neither",
        )?,
        Method::Password | Method::Token | Method::None => require(
            !proved,
            &format!("nothing is proved with the method `{method}`: leave `proved` out"),
        )?,
    }
    check_claimed(identity, proved, method)
}

/// Checks the fields that only a proof by some method can set.
fn check_claimed(identity: &Identity, proved: bool, method: &str) -> Result<(), String> {
    let by_jwt = identity.method == Method::Jwt && identity.issuer.is_some();
    let by_token = identity.method == Method::Oidc;
    require(
        proved || identity.issuer.is_none(),
        "nobody vouches for what is not proved: leave `issuer` out, or add `proved = true`",
    )?;
    require(
        by_jwt || by_token || identity.claims.is_empty(),
        &format!(
            "`claims` come from a verified token (`oidc`) or from a user JWT (`jwt`) with its `issuer`, not with `{method}`"
        ),
    )?;
    require(
        by_token || identity.groups.is_empty(),
        &format!("`groups` come from a verified token (`oidc`), not with `{method}`"),
    )?;
    require(
        by_jwt || (identity.tags.is_empty() && identity.role.is_none()),
        &format!(
            "`tags` and `role` come from a user JWT (`jwt`) with its `issuer`, not with `{method}`"
        ),
    )?;
    let leaf = identity.certificate.as_ref().filter(|leaf| leaf.verified);
    require(
        by_jwt || by_token || leaf.is_some() || identity.expires_at.is_none(),
        "only a token, a trusted user JWT or a verified certificate ends: leave `expires-at` out",
    )
}

fn require(holds: bool, problem: &str) -> Result<(), String> {
    if holds {
        Ok(())
    } else {
        Err(problem.to_owned())
    }
}
