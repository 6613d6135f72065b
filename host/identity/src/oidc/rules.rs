//! Rules for the content of a token, independent of its signature.

use std::slice;
use std::time::Duration;

use portcullis_core::{Allowed, Claims, is_implausible_date, numeric_date};
use serde_json::Value;

use super::token::Token;
use super::{GroupForm, GroupPath, IssuerOptions, RequiredClaim, TokenError};
use crate::spiffe;

/// Checks a token against the rules of its issuer, without the signature. Returns the end of its
/// validity, in seconds since the Unix epoch.
pub(crate) fn check(
    token: &Token<'_>,
    options: &IssuerOptions,
    now: u64,
) -> Result<u64, TokenError> {
    let issuer = || options.name.clone();
    if !options.algorithms.contains(&token.algorithm) {
        return Err(TokenError::AlgorithmRefused {
            issuer: issuer(),
            algorithm: token.algorithm.as_str(),
        });
    }
    let found = token.r#type.as_deref();
    let is_found = |accepted: &String| found.is_some_and(|found| same_type(accepted, found));
    if !options.token_types.allows_where(is_found) {
        return Err(TokenError::WrongType { issuer: issuer() });
    }
    if options.is_trust_domain() && trust_domain(&token.claims) != Some(&options.issuer) {
        return Err(TokenError::OtherTrustDomain { issuer: issuer() });
    }
    if !is_for(&token.claims, &options.audiences) {
        return Err(TokenError::WrongAudience { issuer: issuer() });
    }
    let end = check_times(&token.claims, options, now)?;
    for required in &options.required_claims {
        check_required(&token.claims, required, options)?;
    }
    Ok(end)
}

/// Returns the trust domain of a JWT-SVID, from its `sub`. `None` if that is not a SPIFFE id.
pub(crate) fn trust_domain(claims: &Claims) -> Option<&str> {
    spiffe::trust_domain(claims.get("/sub")?.as_str()?)
}

/// Returns whether two media types are equal. `application/` may be left out (RFC 7515, section
/// 4.1.9).
fn same_type(accepted: &str, found: &str) -> bool {
    let bare = |text: &str| {
        let text = text.to_ascii_lowercase();
        text.strip_prefix("application/")
            .unwrap_or(&text)
            .to_owned()
    };
    bare(accepted) == bare(found)
}

/// Returns whether the audience, a text or an array of texts, is one of ours (RFC 7519, section
/// 4.1.3).
fn is_for(claims: &Claims, audiences: &Allowed<String>) -> bool {
    let found = match claims.get("/aud") {
        Some(Value::Array(values)) => values.as_slice(),
        Some(value) => slice::from_ref(value),
        None => &[],
    };
    audiences.allows_where(|audience| found.iter().any(|found| found == audience))
}

fn check_times(claims: &Claims, options: &IssuerOptions, now: u64) -> Result<u64, TokenError> {
    let leeway = options.leeway.as_secs();
    let expiry = time(claims, "/exp", now)?.ok_or(TokenError::NoTime("exp"))?;
    let end = expiry.saturating_add(leeway);
    if now >= end {
        return Err(TokenError::Expired(now.saturating_sub(expiry)));
    }
    for (claim, path) in [("nbf", "/nbf"), ("iat", "/iat")] {
        let ahead = time(claims, path, now)?.map_or(0, |time| time.saturating_sub(now));
        if ahead > leeway {
            return Err(TokenError::FromTheFuture { claim, ahead });
        }
    }
    if let Some(limit) = options.max_age {
        check_age(claims, options, limit, now)?;
    }
    // A token that is accepted only by leeway needs an end that is still ahead.
    Ok(if now < expiry { expiry } else { end })
}

fn check_age(
    claims: &Claims,
    options: &IssuerOptions,
    limit: Duration,
    now: u64,
) -> Result<(), TokenError> {
    let issued = time(claims, "/iat", now)?.ok_or(TokenError::NoTime("iat"))?;
    let age = now.saturating_sub(issued);
    let limit = limit.as_secs();
    if age > limit.saturating_add(options.leeway.as_secs()) {
        return Err(TokenError::TooOld {
            issuer: options.name.clone(),
            age,
            limit,
        });
    }
    Ok(())
}

/// Returns a `NumericDate` (RFC 7519, section 2): a number of seconds since the Unix epoch, whole
/// or not.
fn time(claims: &Claims, path: &'static str, now: u64) -> Result<Option<u64>, TokenError> {
    let Some(value) = claims.get(path) else {
        return Ok(None);
    };
    let claim = path.strip_prefix('/').unwrap_or(path);
    let seconds = numeric_date(value).ok_or(TokenError::InvalidTime(claim))?;
    if is_implausible_date(seconds, now) {
        return Err(TokenError::ImplausibleTime(claim));
    }
    Ok(Some(seconds))
}

fn check_required(
    claims: &Claims,
    required: &RequiredClaim,
    options: &IssuerOptions,
) -> Result<(), TokenError> {
    let (issuer, path) = (options.name.clone(), required.path.clone());
    if claims.get(&path).is_none_or(Value::is_null) {
        return Err(TokenError::MissingClaim { issuer, path });
    }
    let values = claims.texts(&path);
    if required.values.allows_where(|value| values.contains(value)) {
        return Ok(());
    }
    Err(TokenError::ClaimRefused { issuer, path })
}

/// Returns the value of the first path that holds exactly one non-empty text. Skips an e-mail
/// address or phone number that the issuer has not verified: the user may have typed it (`OpenID`
/// Connect Core 1.0, section 5.1).
pub(crate) fn principal(claims: &Claims, paths: &[String]) -> Option<String> {
    paths
        .iter()
        .filter(|path| is_verified(claims, path))
        .find_map(|path| {
            let mut texts = claims.texts(path).into_iter();
            let first = texts.next().filter(|text| !text.is_empty())?;
            texts.next().is_none().then_some(first)
        })
}

/// Returns whether the issuer vouches for a claim. Some issuers write the Boolean as a text.
/// `template/values.rs` of the SDK has the same rule for templates: change both.
fn is_verified(claims: &Claims, path: &str) -> bool {
    let verified_by = match path.strip_prefix('/').unwrap_or(path) {
        "email" => "email_verified",
        "phone_number" => "phone_number_verified",
        _ => return true,
    };
    claims.texts(verified_by) == ["true"]
}

/// Returns the groups in the order of the paths and of their values, without duplicates.
pub(crate) fn groups(claims: &Claims, paths: &[GroupPath]) -> Vec<String> {
    let mut groups: Vec<String> = Vec::new();
    for GroupPath { path, form } in paths {
        match form {
            GroupForm::Texts => groups.extend(claims.texts(path)),
            GroupForm::Spaced => {
                for text in claims.texts(path) {
                    groups.extend(text.split_ascii_whitespace().map(str::to_owned));
                }
            }
            GroupForm::Members => groups.extend(claims.members(path).map(str::to_owned)),
        }
    }
    groups.retain(|group| !group.is_empty());
    let mut seen = std::collections::HashSet::new();
    groups.retain(|group| seen.insert(group.clone()));
    groups
}

#[cfg(test)]
mod tests;
