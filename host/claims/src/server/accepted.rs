//! How a server lets a user in.

use super::claims::UserFacts;
use super::mode::RoleTemplate;
use super::version::ServerVersion;
use crate::user::{ResponseRule, SubjectRule};

/// What a server that does not refuse a response does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerVerdict {
    /// The user is let in.
    Accepted(Box<Accepted>),
    /// The response itself says no, for this reason.
    Denied(String),
}

/// How the user is let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The account: its name in config mode, its key in operator mode.
    pub account: String,
    /// The name that the server shows of the user from now on.
    pub shown_user: Option<String>,
    /// When the server ends the connection, in seconds since the Unix epoch: when the user JWT expires, or the
    /// current one of its `times` ends.
    pub expires_at: Option<u64>,
    /// What decides what the user may do.
    pub permissions: EffectivePermissions,
    /// What the user JWT says and the server does not enforce, by the names of the fields.
    pub ignored: Vec<&'static str>,
}

/// What decides what a user may do, and what that comes to. A side without entries is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EffectivePermissions {
    /// What the user JWT says.
    Own(RoleTemplate),
    /// What the role says that the signing key is scoped to; none if the template is not known.
    Role(String, Option<RoleTemplate>),
    /// Nothing is said: the account's default permissions.
    AccountDefault,
}

pub(super) fn own_permissions(user: &UserFacts) -> EffectivePermissions {
    let rule = |side: &Option<_>| side.as_ref().map(SubjectRule::from).unwrap_or_default();
    let template = RoleTemplate {
        publish: rule(&user.publish),
        subscribe: rule(&user.subscribe),
        responses: user.responses.map(ResponseRule::from),
        proxy_required: user.proxy_required.unwrap_or_default(),
    };
    let sides = [&template.publish, &template.subscribe];
    let says_nothing = |rule: &&SubjectRule| rule.allow.is_empty() && rule.deny.is_empty();
    if sides.iter().all(says_nothing) && template.responses.is_none() {
        EffectivePermissions::AccountDefault
    } else {
        EffectivePermissions::Own(template)
    }
}

pub(super) fn ignored(user: &UserFacts, version: ServerVersion) -> Vec<&'static str> {
    let limited = |number: Option<i64>| number.is_some_and(|number| number > 0);
    let filled = |list: Option<usize>| list.is_some_and(|length| length > 0);
    let proxy = user.proxy_required.unwrap_or_default() && !version.knows_proxies();
    [
        ("src", filled(user.sources.as_ref().map(Vec::len))),
        (
            "allowed_connection_types",
            filled(user.allowed_connection_types.as_ref().map(Vec::len)),
        ),
        ("subs", limited(user.subs)),
        ("data", limited(user.data)),
        ("payload", limited(user.payload)),
        ("bearer_token", user.bearer_token.unwrap_or_default()),
        ("proxy_required", proxy),
    ]
    .into_iter()
    .filter_map(|(name, is_there)| is_there.then_some(name))
    .collect()
}
