//! The claims of a token or user JWT, compared with the identity and the time.

use portcullis_core::{Identity, Method, is_implausible_date, numeric_date};
use serde_json::Value;

use super::skew::SKEW;

/// The start of the name of a trust domain, and of an id in it.
const SPIFFE: &str = "spiffe://";

/// Claims that contradict the identity or the time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenProblem {
    /// An `iss` that is not the issuer.
    #[error(
        "the issuer of the identity is `{issuer}`, and the host takes it from this claim: write the same in both",
        issuer = .0.escape_debug()
    )]
    Issuer(String),
    /// A `sub` that is not in the trust domain.
    #[error(
        "a SPIFFE id of `{domain}` is expected, because the issuer is that trust domain",
        domain = .0.escape_debug()
    )]
    TrustDomain(String),
    /// A `sub` of a user JWT that is not the principal.
    #[error(
        "the principal of a user JWT is its subject: write the same in `principal` and in this claim"
    )]
    Subject,
    /// A principal that no claim has.
    #[error("no claim is `{principal}`, and the principal of a token is one of its claims: add that claim, or correct `principal`", principal = .0.escape_debug())]
    Principal(String),
    /// An audience of another form.
    #[error("the audience of a token is a text, or a list of texts")]
    Audience,
    /// A time of another form.
    #[error("the times of a token are seconds since 1970")]
    Time(TimeClaim),
    /// A time that is too far ahead.
    #[error(
        "it is more than a hundred years ahead, so the host takes it for milliseconds and refuses the login: write seconds"
    )]
    Milliseconds(TimeClaim),
    /// A token that has ended.
    #[error(
        "the host refuses a token after its end, and `now` of the login is {now}: write a later `exp`, or an earlier `now`"
    )]
    Ended {
        /// The time of the login.
        now: u64,
    },
    /// A token that is not valid yet.
    #[error("the host refuses a token of the future, and `now` of the login is {now}: write an earlier `{}`, or a later `now`", claim.name())]
    Early {
        /// The claim.
        claim: TimeClaim,
        /// The time of the login.
        now: u64,
    },
    /// A login that does not end with its token.
    #[error("the host ends a login with its token: write `expires-at = {exp}` next to the claims")]
    NoExpiry {
        /// The end of the token.
        exp: u64,
    },
    /// A login that ends at another time than its token.
    #[error("the host ends a login with its token, whose `exp` is {exp}: write the same in both")]
    Expiry {
        /// The end of the token.
        exp: u64,
    },
    /// An identity that has ended.
    #[error(
        "the host refuses credentials after their end, and `now` of the login is {now}: write a later end, or an earlier `now`"
    )]
    IdentityEnded {
        /// The time of the login.
        now: u64,
    },
}

/// A claim that is a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeClaim {
    /// `exp`: the end of the token.
    End,
    /// `nbf`: the start of the token.
    Start,
    /// `iat`: the time at which the token was made.
    Issued,
}

impl TimeClaim {
    const fn name(self) -> &'static str {
        match self {
            Self::End => "exp",
            Self::Start => "nbf",
            Self::Issued => "iat",
        }
    }

    const fn place(self) -> &'static [&'static str] {
        match self {
            Self::End => &["identity", "claims", "exp"],
            Self::Start => &["identity", "claims", "nbf"],
            Self::Issued => &["identity", "claims", "iat"],
        }
    }
}

impl TokenProblem {
    /// Returns the path of the value at fault, below `login`.
    pub(super) const fn place(&self) -> &'static [&'static str] {
        match self {
            Self::Issuer(_) => &["identity", "claims", "iss"],
            Self::TrustDomain(_) | Self::Subject => &["identity", "claims", "sub"],
            Self::Principal(_) => &["identity", "principal"],
            Self::Audience => &["identity", "claims", "aud"],
            Self::Time(claim) | Self::Milliseconds(claim) | Self::Early { claim, .. } => {
                claim.place()
            }
            Self::Ended { .. } | Self::NoExpiry { .. } => TimeClaim::End.place(),
            Self::Expiry { .. } | Self::IdentityEnded { .. } => &["identity", "expires-at"],
        }
    }
}

/// Checks the claims and the end of an identity. A test leaves out the claims that its policy does
/// not ask for.
pub(super) fn check(identity: &Identity, now: u64) -> Result<(), TokenProblem> {
    match identity.method {
        Method::Oidc => {
            check_issuer(identity)?;
            check_principal(identity)?;
        }
        Method::Jwt => check_user_jwt(identity)?,
        _ => {}
    }
    check_audience(identity)?;
    check_times(identity, now)
}

/// Checks `iss`. For a JWT-SVID the trust domain of its `sub` counts, and its `iss` does not.
fn check_issuer(identity: &Identity) -> Result<(), TokenProblem> {
    let Some(issuer) = identity.issuer.as_deref() else {
        return Ok(());
    };
    if issuer.starts_with(SPIFFE) {
        let subject = identity.claims.get("/sub");
        let is_inside = |subject: &Value| {
            let path = subject.as_str().and_then(|id| id.strip_prefix(issuer));
            path.is_some_and(|path| path.starts_with('/'))
        };
        let domain = || TokenProblem::TrustDomain(issuer.to_owned());
        return require(subject.is_none_or(is_inside), domain);
    }
    let found = identity.claims.get("/iss");
    let other = || TokenProblem::Issuer(issuer.to_owned());
    require(found.is_none_or(|found| found == issuer), other)
}

/// Checks that a claim is the principal. A test without `sub` has not the claims of a whole token.
fn check_principal(identity: &Identity) -> Result<(), TokenProblem> {
    let claims = &identity.claims;
    let Some(principal) = &identity.principal else {
        return Ok(());
    };
    let mut values = claims.names().filter_map(|name| claims.get(name));
    let is_there = claims.get("/sub").is_none() || values.any(|value| holds(value, principal));
    require(is_there, || TokenProblem::Principal(principal.clone()))
}

/// Returns whether a claim has this text in it.
fn holds(value: &Value, text: &str) -> bool {
    match value {
        Value::String(found) => found == text,
        Value::Number(found) => found.to_string() == text,
        Value::Bool(found) => found.to_string() == text,
        Value::Array(items) => items.iter().any(|item| holds(item, text)),
        Value::Object(members) => members.values().any(|member| holds(member, text)),
        Value::Null => false,
    }
}

/// Checks the claims of a user JWT: an account or its signing key has issued it for the principal.
fn check_user_jwt(identity: &Identity) -> Result<(), TokenProblem> {
    let claims = &identity.claims;
    if let (Some(subject), Some(principal)) = (claims.get("/sub"), &identity.principal) {
        require(subject == principal.as_str(), || TokenProblem::Subject)?;
    }
    let Some(issuer) = &identity.issuer else {
        return Ok(());
    };
    let by = claims
        .get("/nats/issuer_account")
        .or_else(|| claims.get("/iss"));
    let other = || TokenProblem::Issuer(issuer.clone());
    require(by.is_none_or(|by| by == issuer.as_str()), other)
}

/// Checks the form of `aud` (RFC 7519, section 4.1.3).
fn check_audience(identity: &Identity) -> Result<(), TokenProblem> {
    let has_form = match identity.claims.get("/aud") {
        None | Some(Value::String(_)) => true,
        Some(Value::Array(items)) => items.iter().all(Value::is_string),
        Some(_) => false,
    };
    require(has_form, || TokenProblem::Audience)
}

fn check_times(identity: &Identity, now: u64) -> Result<(), TokenProblem> {
    let end = time(identity, TimeClaim::End, now)?;
    // Only the tokens of an identity provider have leeway.
    let leeway = if identity.method == Method::Oidc {
        SKEW
    } else {
        0
    };
    // The host does not look at the time at which a user JWT was made.
    let starts: &[_] = match identity.method {
        Method::Jwt => &[TimeClaim::Start],
        _ => &[TimeClaim::Start, TimeClaim::Issued],
    };
    for &claim in starts {
        let is_early =
            time(identity, claim, now)?.is_some_and(|time| time > now.saturating_add(SKEW));
        require(!is_early, || TokenProblem::Early { claim, now })?;
    }
    if let Some(exp) = end {
        require(now <= exp.saturating_add(leeway), || TokenProblem::Ended {
            now,
        })?;
        let expiry = identity.expires_at.ok_or(TokenProblem::NoExpiry { exp })?;
        // A certificate, the account or a range of times ends a login earlier, and leeway later.
        let has_other_end = identity.certificate.is_some() || identity.method == Method::Jwt;
        let is_end =
            expiry == exp || (expiry < exp && has_other_end) || (exp <= now && now < expiry);
        require(is_end, || TokenProblem::Expiry { exp })?;
    }
    let slack = if identity.certificate.is_some() {
        SKEW
    } else {
        0
    };
    let is_over = identity
        .expires_at
        .is_some_and(|end| end.saturating_add(slack) < now);
    require(!is_over, || TokenProblem::IdentityEnded { now })
}

/// Returns a time of the token.
fn time(identity: &Identity, claim: TimeClaim, now: u64) -> Result<Option<u64>, TokenProblem> {
    let Some(value) = identity.claims.get(claim.name()) else {
        return Ok(None);
    };
    let seconds = numeric_date(value).ok_or(TokenProblem::Time(claim))?;
    require(!is_implausible_date(seconds, now), || {
        TokenProblem::Milliseconds(claim)
    })?;
    // In a user JWT, 0 is no bound.
    let is_bound = identity.method != Method::Jwt || seconds > 0;
    Ok(Some(seconds).filter(|_| is_bound))
}

fn require(holds: bool, problem: impl FnOnce() -> TokenProblem) -> Result<(), TokenProblem> {
    if holds { Ok(()) } else { Err(problem()) }
}
