//! The server's checks of a response, made before it leaves.
//!
//! A response that the server refuses looks to the client like a refused login, and only the server's log
//! says otherwise.

use portcullis_core::PermissionSubject;

use super::accepted::{Accepted, EffectivePermissions, ServerVerdict};
use super::mode::{LoginFacts, ServerMode};
use super::refusal::{PermissionSide, Refusal};
use super::verdict::Case;
use super::version::ServerVersion;
use crate::jwt::Signatures;
use crate::user::SubjectRule;

/// What a response has to agree with, in config mode.
#[derive(Clone, Copy, Debug)]
pub struct Expectations<'a> {
    /// The user the request is about, `U…`.
    pub user_nkey: &'a str,
    /// The server that asked, `N…`.
    pub server_id: &'a str,
    /// The issuer the server is configured with, `A…`.
    pub issuer: &'a str,
    /// Now, in seconds since the Unix epoch.
    pub now: u64,
}

/// Applies the checks of every server in config mode to a finished response: [`preflight_for`] where neither the
/// server's version nor its accounts are known.
///
/// # Errors
///
/// The first reason for which one of them would refuse it.
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

/// Holds a finished response to what the server that asked would say, and to what the strictest one would.
///
/// The rules are those of [`ServerVersion::NEWEST`] and of `version`, the one the request names; where it names none,
/// those of every release with rules of its own. On top of that
///
/// - the response counts as sent in the clear, whether it will be sealed or not;
/// - claims have version 2, which is all this crate writes;
/// - the user JWT's subjects are what [`PermissionSubject`] takes: a server drops a subject that it finds too odd, and
///   what was to be denied is not;
/// - `times` name their time zone;
/// - `proxy_required` goes to servers that enforce it. Whether a connection comes through a proxy no request says: it
///   counts as if it did, and the server has the last word.
///
/// What it returns is the verdict of the server that asked, of the newest if that is not known.
///
/// # Errors
///
/// The first reason for which one of them would refuse it.
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
        // The same rules, as far as they are known.
        return Ok(newest);
    }
    case.verdict(&decoded, version)
}

/// What the user JWT says has to come true.
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
