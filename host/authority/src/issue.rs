//! The user JWT for a permit.

use portcullis_claims::{ServerVersion, SignError, UserClaims};
use portcullis_core::{AuthorizationRequest, DenialClass, Permit, PolicyRef};

use crate::issuers::{Issuers, NoIssuer, UserIssuer};

/// The reason for which a permit gets no user JWT.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IssueError {
    /// No key signs for the permit.
    #[error(transparent)]
    Issuer(#[from] NoIssuer),
    /// The host cannot sign the user JWT.
    #[error("cannot sign the user jwt")]
    Sign(#[from] SignError),
    /// The permit has limits that the server does not enforce.
    #[error(
        "the permit limits subscriptions or messages, which servers enforce from 2.14.10 and 2.15.3 on, and this one {0}; \
         update the server, or limit the account instead"
    )]
    LimitNotEnforced(String),
    /// The permit for a caller of the exchange bounds the connections of a role. The user JWT of a
    /// role carries no bounds, so no server would see them.
    #[error(
        "the permit bounds networks or connection types, but role `{0}` brings what its template says to users of the \
         exchange; put them there"
    )]
    ConnectionsBesideRole(String),
}

impl IssueError {
    /// Returns the class of the denial. A permit that no key can sign is the policy's fault.
    pub const fn class(&self) -> DenialClass {
        match self {
            Self::LimitNotEnforced(_)
            | Self::ConnectionsBesideRole(_)
            | Self::Issuer(NoIssuer::PermissionsBesideRole(_) | NoIssuer::BoundsBesideRole(_)) => {
                DenialClass::InvalidPermit
            }
            Self::Issuer(NoIssuer::Account(_)) => DenialClass::AccountNotAllowed,
            Self::Issuer(_) => DenialClass::RoleNotAllowed,
            Self::Sign(_) => DenialClass::InvalidResponse,
        }
    }
}

impl Issuers {
    /// Signs the user JWT for `permit`, which `policy` gave in answer to `request`, at `now`
    /// (seconds since the Unix epoch).
    ///
    /// # Errors
    ///
    /// Fails if the server would not enforce the permit's limits, or no key signs for the permit.
    pub fn user_jwt(
        &self,
        request: &AuthorizationRequest,
        permit: &Permit,
        policy: Option<&PolicyRef>,
        now: u64,
    ) -> Result<String, IssueError> {
        let is_exchange = request.client.is_exchange();
        // Servers of every release enforce the limits of a user JWT that a client presents itself.
        if is_exchange {
            check_connections(permit)?;
        } else {
            check_limits(permit, request.server.version.as_deref())?;
        }
        let issuer = self.for_permit(permit)?;
        let mut claims = UserClaims::from_permit(request.user_nkey.as_str(), permit, now)
            .with_tags(policy.into_iter().flat_map(provenance));
        // Such a user's connection has a type that servers tell exactly.
        if is_exchange {
            claims = claims.with_connection_types(permit.connection_types());
        }
        // No server shows another name for such a user. The template of a role can contain the
        // name, so the caller must not choose it.
        if is_exchange && claims.name.is_none() && permit.role().is_none() {
            claims.name.clone_from(&request.client.name);
        }
        let claims = match issuer {
            UserIssuer::Config(_) => claims,
            UserIssuer::Operator {
                account,
                issuer,
                scoped,
            } => {
                // A JWT signed with the account's own key needs no `issuer_account`.
                let speaks_for =
                    (issuer.public_key() != account.as_str()).then_some(account.as_str());
                let claims = claims.in_operator_mode(speaks_for);
                if scoped { claims.scoped() } else { claims }
            }
        };
        Ok(claims.sign(issuer.key())?)
    }
}

/// Refuses bounds that the user JWT of a caller of the exchange cannot carry. For the callout, the
/// host enforces them.
fn check_connections(permit: &Permit) -> Result<(), IssueError> {
    let is_bounded = !permit.sources().is_any() || !permit.connection_types().is_any();
    match permit.role().filter(|_| is_bounded) {
        Some(role) => Err(IssueError::ConnectionsBesideRole(role.to_owned())),
        None => Ok(()),
    }
}

/// Refuses limits that a server of `version` does not enforce.
pub(crate) fn check_limits(permit: &Permit, version: Option<&str>) -> Result<(), IssueError> {
    let parsed: Option<ServerVersion> = version.and_then(|version| version.parse().ok());
    if permit.has_limits() && !parsed.is_some_and(ServerVersion::enforces_limits) {
        return Err(IssueError::LimitNotEnforced(named_release(version)));
    }
    Ok(())
}

/// Returns the release that the server names, as the end of a sentence.
pub(crate) fn named_release(version: Option<&str>) -> String {
    version.map_or_else(
        || "does not say which it is".to_owned(),
        |version| format!("is `{}`", version.escape_debug()),
    )
}

/// Returns tags that lead from a connection to the version of the policy that permitted it.
pub(crate) fn provenance(policy: &PolicyRef) -> [String; 4] {
    [
        format!("policy:{}", policy.name),
        format!("policy-digest:{}", policy.digest),
        format!("policy-version:{}", policy.version),
        format!("policy-generation:{}", policy.generation),
    ]
}
