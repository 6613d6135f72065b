//! The server's checks of a response, made before it leaves.
//!
//! To the client, a response that the server refuses looks like a denied login. Only the server's
//! log shows the difference.

use portcullis_core::PermissionSubject;

use super::accepted::{Accepted, EffectivePermissions, ServerVerdict};
use super::mode::{LoginFacts, ServerMode};
use super::refusal::{PermissionSide, Refusal};
use super::verdict::Case;
use super::version::ServerVersion;
use crate::jwt::Signatures;
use crate::user::SubjectRule;

/// The facts that a response has to agree with, in config mode.
#[derive(Clone, Copy, Debug)]
pub struct Expectations<'a> {
    /// User of the request, `U…`.
    pub user_nkey: &'a str,
    /// Server that sent the request, `N…`.
    pub server_id: &'a str,
    /// Issuer that the server is configured with, `A…`.
    pub issuer: &'a str,
    /// Current time, in seconds since the Unix epoch.
    pub now: u64,
}

/// Applies the checks of every server in config mode to a finished response. Equals
/// [`preflight_for`] with an unknown version and unknown accounts.
///
/// # Errors
///
/// Fails with the first reason for which one of the servers would refuse the response.
pub fn preflight(
    token: &str,
    expectations: Expectations<'_>,
    signatures: Signatures,
) -> Result<(), Refusal> {
    let login = LoginFacts {
        user_nkey: expectations.user_nkey,
        server_id: expectations.server_id,
        client_user: None,
        client_host: None,
        connection_type: None,
        proxied: false,
        sealed: false,
    };
    let mode = ServerMode::Config {
        issuer: expectations.issuer,
        accounts: None,
    };
    preflight_for(token, &login, &mode, None, expectations.now, signatures).map(|_| ())
}

/// Checks a finished response against the rules of the server that asked, and against those of the
/// strictest server.
///
/// The rules are those of [`ServerVersion::NEWEST`] and of `version`, which the request names. If
/// the request names no version, they are those of every release that changed a rule. In addition:
///
/// - The response counts as sent in the clear, sealed or not.
/// - Claims have version 2, the only one that this crate writes.
/// - The user JWT's subjects are valid for [`PermissionSubject`]. A server drops some invalid
///   subjects without an error, and then does not deny what they deny.
/// - `times` name their time zone.
/// - `proxy_required` is for servers that enforce it. No request says whether a connection comes
///   through a proxy, so the check assumes that it does, and the server decides.
///
/// Returns the verdict of the server that asked, or of the newest if its version is not known.
///
/// # Errors
///
/// Fails with the first reason for which one of the servers would refuse the response.
pub fn preflight_for(
    token: &str,
    login: &LoginFacts<'_>,
    mode: &ServerMode<'_>,
    version: Option<ServerVersion>,
    now: u64,
    signatures: Signatures,
) -> Result<ServerVerdict, Refusal> {
    let login = &LoginFacts {
        proxied: true,
        sealed: false,
        ..*login
    };
    let case = Case {
        login,
        mode,
        now,
        signatures,
    };
    let decoded = case.decode(token)?;
    let newest = case.verdict(&decoded, ServerVersion::NEWEST)?;
    if let Some(part) = decoded.part_of_first_version() {
        return Err(Refusal::Version(part));
    }
    if let ServerVerdict::Accepted(accepted) = &newest {
        check_subjects_of(accepted)?;
    }
    if decoded.demands_proxy() && !version.is_some_and(ServerVersion::knows_proxies) {
        return Err(Refusal::ProxyNotEnforced);
    }
    let Some(version) = version else {
        for version in ServerVersion::EVERY_RULE {
            case.verdict(&decoded, version)?;
        }
        return Ok(newest);
    };
    if version >= ServerVersion::NEWEST {
        // The rules of later releases are not known, so those of the newest known one apply.
        return Ok(newest);
    }
    case.verdict(&decoded, version)
}

/// Checks that a server drops none of the user JWT's subjects.
fn check_subjects_of(accepted: &Accepted) -> Result<(), Refusal> {
    let EffectivePermissions::Own(own) = &accepted.permissions else {
        return Ok(());
    };
    check_subjects(PermissionSide::Subscribe, &own.subscribe)?;
    check_subjects(PermissionSide::Publish, &own.publish)
}

fn check_subjects(side: PermissionSide, rule: &SubjectRule) -> Result<(), Refusal> {
    let parse = match side {
        PermissionSide::Publish => PermissionSubject::publish,
        PermissionSide::Subscribe => PermissionSubject::subscribe,
    };
    for subject in rule.allow.iter().chain(&rule.deny) {
        parse(subject).map_err(|source| Refusal::Subject { side, source })?;
    }
    Ok(())
}
