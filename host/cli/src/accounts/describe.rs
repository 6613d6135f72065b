//! Descriptions of claims: their fields, and what servers make of them.

use std::fmt::Write as _;

use portcullis_accounts::{AccountJwt, Findings, UserJwt, Validate};
use portcullis_claims::{
    AccountClaims, AccountLimits, Body, Claims, JetStreamLimits, OperatorClaims, PermissionRules,
    SubjectRule,
};
use portcullis_toml::text::one_line;
use serde::Serialize;
use serde_json::{Value, json};

use super::report::Report;

/// Beginning of the lines that say why servers refuse claims.
pub(super) const REFUSED: &str = "they refuse the ";

/// Line of a revoked user.
pub(super) const REVOKED: &str =
    "they refuse the user: the account has revoked it; `edit` it to sign it again";

/// Returns a description of claims with what servers make of them.
pub(super) fn describe<B: Body + Serialize>(
    claims: &Claims<B>,
    servers: &[String],
    now: u64,
) -> Report
where
    Claims<B>: Validate,
{
    let findings = claims.validate(now);
    let value = serde_json::to_value(claims).unwrap_or_default();
    let mut text = String::new();
    flatten("", &value, &mut text);
    text.push_str("\nservers:\n");
    for line in servers.iter().cloned().chain(lines_of(&findings)) {
        // Writing to a string does not fail.
        let _ = writeln!(text, "  - {}", one_line(&line));
    }
    let json = json!({ "claims": value, "servers": servers, "findings": findings });
    Report::new(text, json)
}

fn lines_of(findings: &Findings) -> impl Iterator<Item = String> {
    findings.iter().map(ToString::to_string)
}

/// Writes a line for each value, with its path. Text of several lines stays on one.
fn flatten(path: &str, value: &Value, text: &mut String) {
    let join = |name: &str| match path {
        "" => name.to_owned(),
        path => format!("{path}.{name}"),
    };
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                flatten(&join(name), value, text);
            }
        }
        Value::Array(entries) if entries.iter().any(Value::is_object) => {
            for (index, value) in entries.iter().enumerate() {
                flatten(&join(&index.to_string()), value, text);
            }
        }
        value => {
            let _ = writeln!(text, "{}: {value}", one_line(path));
        }
    }
}

/// Returns what servers make of an operator.
pub(super) fn of_operator(operator: &OperatorClaims) -> Vec<String> {
    let mut lines = Vec::new();
    let nats = &*operator.nats;
    lines.push(match nats.system_account.as_str() {
        "" => "they have no system account by this JWT; `system_account` in their configuration names one".to_owned(),
        key => format!("their system account is {key}"),
    });
    lines.push(
        match (nats.strict_signing_key_usage, nats.signing_keys.len()) {
            (true, count) => {
                let keys = counted(count, "signing key");
                format!("they accept accounts of {keys} only")
            }
            (false, count) => {
                let keys = counted(count, "signing key");
                format!("they accept accounts of the operator's own key and {keys}")
            }
        },
    );
    if !nats.assert_server_version.is_empty() {
        lines.push(format!(
            "those before {} do not start",
            nats.assert_server_version
        ));
    }
    lines
}

/// Returns what servers make of an account of `operator`.
pub(super) fn of_account(account: &AccountClaims, operator: &OperatorClaims) -> Vec<String> {
    let mut lines = Vec::new();
    if !signs(operator, account.issuer.as_deref()) {
        lines.push("they refuse the account: the operator has no key of its issuer".to_owned());
    }
    let nats = &*account.nats;
    let is_system = account.subject.as_ref() == Some(&operator.nats.system_account);
    if is_system {
        lines.push("it is the system account".to_owned());
    }
    lines.push(match (has_jetstream(&nats.limits), is_system) {
        (true, true) => "they refuse JetStream in the system account".to_owned(),
        (true, false) => "JetStream is on".to_owned(),
        (false, _) => "JetStream is off".to_owned(),
    });
    let authorization = &nats.authorization;
    if !authorization.auth_users.is_empty() {
        lines.push(format!(
            "they ask the auth callout about every login of this account, apart from {}",
            counted(authorization.auth_users.len(), "user")
        ));
        if authorization.xkey.is_empty() {
            lines.push(
                "requests to the callout, with their passwords, are not encrypted".to_owned(),
            );
        }
    }
    let permissions = permissions(&nats.default_permissions);
    lines.push(format!(
        "users without permissions of their own {permissions}"
    ));
    if !nats.revocations.is_empty() {
        let revoked = counted(nats.revocations.len(), "revocation");
        lines.push(format!("it has {revoked}"));
    }
    lines
}

/// Returns what servers make of a user of `account`.
pub(super) fn of_user(user: &UserJwt, account: &AccountJwt) -> Vec<String> {
    let mut lines = Vec::new();
    let nats = &*user.claims.nats;
    let issuer = user.claims.issuer.as_deref().unwrap_or_default();
    let keys = &account.claims.nats.signing_keys;
    let is_signed = issuer == account.account.as_str() || keys.contains(issuer);
    if !is_signed {
        lines.push("they refuse the user: the account has no key of its issuer; `edit` it to sign it again".to_owned());
    }
    let key = user.user.as_str();
    let revocations = &account.claims.nats.revocations;
    let at = user.claims.issued_at.unwrap_or_default();
    let issue = i64::try_from(at).unwrap_or(i64::MAX);
    let is_revoked = |key: &str| revocations.get(key).is_some_and(|until| *until >= issue);
    if is_revoked(key) || is_revoked("*") {
        lines.push(REVOKED.to_owned());
    }
    if nats.bearer_token && account.claims.nats.limits.disallow_bearer {
        lines.push("they refuse the user: the account disallows bearer tokens".to_owned());
    }
    let own = PermissionRules {
        publish: nats.publish.clone(),
        subscribe: nats.subscribe.clone(),
        responses: nats.responses,
    };
    lines.push(match keys.scope(issuer) {
        Some(scope) => format!(
            "by the role `{}`, the user {}",
            scope.role,
            permissions(&scope.template.permissions)
        ),
        None if own == PermissionRules::default() => format!(
            "by the account's default permissions, the user {}",
            permissions(&account.claims.nats.default_permissions)
        ),
        None => format!("the user {}", permissions(&own)),
    });
    if !account.claims.nats.authorization.auth_users.is_empty() {
        let users = &account.claims.nats.authorization.auth_users;
        let text = if users.iter().any(|user| user == key) {
            "it logs in without the auth callout"
        } else {
            "the auth callout decides about its login"
        };
        lines.push(text.to_owned());
    }
    lines
}

/// Returns whether the operator's own key or one of its signing keys is the issuer.
pub(super) fn signs(operator: &OperatorClaims, issuer: Option<&str>) -> bool {
    let Some(issuer) = issuer else {
        return false;
    };
    let own = operator.subject.as_deref() == Some(issuer);
    let listed = operator.nats.signing_keys.iter().any(|key| key == issuer);
    listed || (own && !operator.nats.strict_signing_key_usage)
}

/// Returns a number with its noun.
pub(super) fn counted(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

/// Returns whether limits turn `JetStream` on.
fn has_jetstream(limits: &AccountLimits) -> bool {
    let is_on = |limits: &JetStreamLimits| limits.memory_storage != 0 || limits.disk_storage != 0;
    is_on(&limits.jetstream) || limits.tiers.values().any(is_on)
}

/// Returns what permissions allow, as the end of a sentence.
fn permissions(rules: &PermissionRules) -> String {
    let side = |rule: &SubjectRule| {
        let subjects = |list: &[String]| format!("`{}`", list.join("`, `"));
        match (rule.allow.as_slice(), rule.deny.as_slice()) {
            ([], []) => "everywhere".to_owned(),
            ([], [only]) if only == ">" => "nowhere".to_owned(),
            ([], denied) => format!("everywhere but on {}", subjects(denied)),
            (allowed, []) => format!("on {}", subjects(allowed)),
            (allowed, denied) => {
                format!("on {} but not on {}", subjects(allowed), subjects(denied))
            }
        }
    };
    let replies = match &rules.responses {
        // A permission to reply takes the place of an absent list of allowed subjects.
        Some(_) if rules.publish.is_empty() => {
            let subscribe = side(&rules.subscribe);
            return format!("may publish replies only, and subscribe {subscribe}");
        }
        Some(_) => ", and to replies",
        None => "",
    };
    format!(
        "may publish {}{replies}, and subscribe {}",
        side(&rules.publish),
        side(&rules.subscribe)
    )
}
