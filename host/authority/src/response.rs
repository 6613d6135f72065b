//! The response to a request, held to the rules of the server that receives it.

use std::fmt;

use portcullis_claims::{
    Answer, EffectivePermissions, LoginFacts, Refusal, ResponseClaims, ServerVerdict,
    ServerVersion, SignError, Signatures, preflight_for,
};
use portcullis_core::{
    AuthorizationRequest, Decision, DenialClass, Outcome, Permit, PolicyRef, TimeRange,
};

use crate::issue::{IssueError, named_release};
use crate::issuers::Issuers;

/// The reason for which the host cannot make a response.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ResponseError {
    /// The host cannot make a user JWT for the permit.
    #[error(transparent)]
    Issue(#[from] IssueError),
    /// The host cannot sign the response.
    #[error("cannot sign the response")]
    Sign(#[from] SignError),
    /// The server would refuse the response.
    #[error("the server would refuse the response")]
    Preflight(#[source] Refusal),
    /// The login is outside of the permit's times of the day.
    #[error("the permit is for {times}, not for now{}", midnight(*.passes_midnight))]
    OutsideTimes {
        /// The permit's times and their time zone.
        times: String,
        /// Whether a range of the permit's times passes midnight.
        passes_midnight: bool,
    },
    /// The permit names an unknown time zone.
    #[error(
        "the permit's time zone `{0}` is unknown; name one of the iana database, such as `Europe/Berlin`"
    )]
    TimeZone(String),
    /// The permit names no time zone, and the host does not know the server's own.
    #[error(
        "the permit's times are in the server's own time zone, which the host does not know; name one, such as `UTC`"
    )]
    NoTimeZone,
    /// The permit demands a trusted proxy, which the server does not enforce.
    #[error(
        "the permit demands a trusted proxy, which servers enforce from 2.12.0 on, and this one {0}; update the server, or \
         do not demand a proxy"
    )]
    ProxyNotEnforced(String),
    /// The key of the role has no scope, so its users would have every permission.
    #[error(
        "the seed of role `{0}` is the account's own or a plain signing key: it brings no permissions, and servers read \
         none as all; name the seed of the scoped signing key"
    )]
    RoleWithoutScope(String),
}

/// A user JWT that servers accept from a client that presents it itself.
#[derive(Clone, PartialEq, Eq)]
pub struct CheckedUser {
    /// The user JWT.
    pub jwt: String,
    /// The public key of its account (`A…`). `None` in config mode.
    pub account: Option<String>,
}

impl ResponseError {
    /// Returns the class of the denial. A permit that no key can sign is the policy's fault.
    pub const fn class(&self) -> DenialClass {
        match self {
            Self::OutsideTimes { .. } => DenialClass::TimeNotAllowed,
            Self::TimeZone(_) | Self::NoTimeZone | Self::ProxyNotEnforced(_) => {
                DenialClass::InvalidPermit
            }
            Self::Issue(error) => error.class(),
            _ => DenialClass::InvalidResponse,
        }
    }

    /// Creates the error for the `refusal` of a response with `permit` by a server of `version`.
    /// Some refusals are due to the permit, so the policy's author needs their details.
    fn from_refusal(refusal: Refusal, permit: &Permit, version: Option<&str>) -> Self {
        let zone = permit.times_location();
        match (refusal, zone) {
            (Refusal::OutsideTimes, _) => Self::OutsideTimes {
                times: listed_times(permit),
                passes_midnight: permit.times().listed().any(TimeRange::passes_midnight),
            },
            (Refusal::TimeZone | Refusal::TimeZoneUnknown, Some(zone)) => {
                Self::TimeZone(zone.escape_debug().to_string())
            }
            (Refusal::TimeZone | Refusal::TimeZoneUnknown, None) => Self::NoTimeZone,
            (Refusal::ProxyNotEnforced, _) => Self::ProxyNotEnforced(named_release(version)),
            (refusal, _) => Self::Preflight(refusal),
        }
    }
}

/// Returns the behaviour of servers for a range that passes midnight, as the end of a sentence.
/// Empty if no range does.
const fn midnight(passes_midnight: bool) -> &'static str {
    if passes_midnight {
        "; before 2.11.17, and from 2.12.0 to 2.12.7, servers end a range at midnight: add one that begins at `00:00:00`"
    } else {
        ""
    }
}

fn listed_times(permit: &Permit) -> String {
    let ranges = permit.times().listed();
    let ranges: Vec<_> = ranges
        .map(|range| format!("`{}` to `{}`", range.start(), range.end()))
        .collect();
    let zone = permit.times_location().unwrap_or("Local");
    format!("{} in `{}`", ranges.join(", "), zone.escape_debug())
}

impl Issuers {
    /// Signs the response to `request` for `decision` at `now` (seconds since the Unix epoch), and
    /// checks it against the rules of the server that asked.
    ///
    /// # Errors
    ///
    /// Fails if no key signs for the permit, or if the server would refuse the response.
    pub fn response_to(
        &self,
        request: &AuthorizationRequest,
        decision: &Decision,
        now: u64,
    ) -> Result<String, ResponseError> {
        let (response, _) = self.judged_response_to(request, decision, now)?;
        Ok(response)
    }

    /// Returns the response of [`response_to`](Self::response_to), and what the server that asked
    /// makes of it. For tools that show both.
    ///
    /// # Errors
    ///
    /// Fails as [`response_to`](Self::response_to) does.
    pub fn judged_response_to(
        &self,
        request: &AuthorizationRequest,
        decision: &Decision,
        now: u64,
    ) -> Result<(String, ServerVerdict), ResponseError> {
        if let Some(added) = decision.outcome.permit().and_then(|it| self.added(it)) {
            return added.judged_response_to(request, decision, now);
        }
        let answer = match &decision.outcome {
            Outcome::Permit(permit) => {
                let policy = decision.policy.as_deref();
                Answer::Jwt(self.user_jwt(request, permit, policy, now)?)
            }
            Outcome::Deny(denial) => Answer::Error(denial.to_string()),
        };
        let client_host = request.client.host.as_deref();
        self.checked(request, answer, decision.outcome.permit(), client_host, now)
    }

    /// Signs the user JWT for `permit`, which `policy` gave in answer to a request to the token
    /// exchange. Holds it to the rules of every server, as a response to one would be.
    ///
    /// # Errors
    ///
    /// Fails if no key signs for the permit, or if a server would refuse the user.
    pub fn user_for_exchange(
        &self,
        request: &AuthorizationRequest,
        permit: &Permit,
        policy: Option<&PolicyRef>,
        now: u64,
    ) -> Result<CheckedUser, ResponseError> {
        if let Some(added) = self.added(permit) {
            return added.user_for_exchange(request, permit, policy, now);
        }
        let jwt = self.user_jwt(request, permit, policy, now)?;
        // The address of the NATS client is not known, so the check assumes one that the permit
        // admits.
        let network = permit.sources().listed().next().map(ToString::to_string);
        let address = network
            .as_deref()
            .and_then(|network| network.split('/').next());
        self.checked(
            request,
            Answer::Jwt(jwt.clone()),
            Some(permit),
            address,
            now,
        )?;
        let account = match self {
            Self::Config(_) => None,
            Self::Operator(operator) => {
                let account = operator.account(permit.account());
                account.map(|account| account.key.to_string())
            }
        };
        Ok(CheckedUser { jwt, account })
    }

    /// Signs a response with `answer` and checks it. `client_host` is the address of the client.
    fn checked(
        &self,
        request: &AuthorizationRequest,
        answer: Answer,
        permit: Option<&Permit>,
        client_host: Option<&str>,
        now: u64,
    ) -> Result<(String, ServerVerdict), ResponseError> {
        let version_text = request.server.version.as_deref();
        let version: Option<ServerVersion> = version_text.and_then(|version| version.parse().ok());
        let response = ResponseClaims::new(
            request.user_nkey.as_str(),
            request.server.id.as_str(),
            answer,
            now,
        )
        .for_account(self.response_account())
        .sign(self.response())?;
        let login = LoginFacts {
            user_nkey: request.user_nkey.as_str(),
            server_id: request.server.id.as_str(),
            client_user: request.client.user.as_deref(),
            client_host,
            connection_type: request.client.connection_type(),
            proxied: false,
            sealed: false,
        };
        let mode = self.server_mode();
        let verdict = preflight_for(&response, &login, &mode, version, now, Signatures::Trust);
        let verdict = verdict.map_err(|refusal| match permit {
            Some(permit) => ResponseError::from_refusal(refusal, permit, version_text),
            None => ResponseError::Preflight(refusal),
        })?;
        match permit.and_then(Permit::role) {
            Some(role) if !gives_role(&verdict) => {
                Err(ResponseError::RoleWithoutScope(role.to_owned()))
            }
            _ => Ok((response, verdict)),
        }
    }
}

impl fmt::Debug for CheckedUser {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("CheckedUser")
            .field("account", &self.account)
            .finish_non_exhaustive()
    }
}

fn gives_role(verdict: &ServerVerdict) -> bool {
    match verdict {
        ServerVerdict::Accepted(accepted) => {
            matches!(accepted.permissions, EffectivePermissions::Role(..))
        }
        ServerVerdict::Denied(_) => false,
    }
}

#[cfg(test)]
mod tests;
