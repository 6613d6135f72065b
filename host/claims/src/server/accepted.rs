//! How a server lets a user in.

use super::claims::{UserFacts, texts};
use super::mode::RoleTemplate;
use super::version::ServerVersion;
use crate::user::{ResponseRule, SubjectRule, TimeRule};

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

/// What a user may do whose user JWT says `template` by itself.
pub(super) fn own_permissions(template: RoleTemplate) -> EffectivePermissions {
    let sides = [&template.publish, &template.subscribe];
    let says_nothing = |rule: &&SubjectRule| rule.allow.is_empty() && rule.deny.is_empty();
    if sides.iter().all(says_nothing) && template.responses.is_none() {
        EffectivePermissions::AccountDefault
    } else {
        EffectivePermissions::Own(template)
    }
}

/// What the user JWT itself says, read like a role's template. A limit that is missing is none at
/// all, unlike that of a template.
pub(super) fn own_template(user: &UserFacts) -> RoleTemplate {
    let rule = |side: &Option<_>| side.as_ref().map(SubjectRule::from).unwrap_or_default();
    let time = |time: &Option<String>| time.clone().unwrap_or_default();
    let times = user.times.iter().flatten().map(|range| TimeRule {
        start: time(&range.start),
        end: time(&range.end),
    });
    let limit = |number: Option<i64>| u64::try_from(number.unwrap_or_default()).ok();
    RoleTemplate {
        publish: rule(&user.publish),
        subscribe: rule(&user.subscribe),
        responses: user.responses.map(ResponseRule::from),
        proxy_required: user.proxy_required.unwrap_or_default(),
        sources: user.sources.clone().unwrap_or_default(),
        times: times.collect(),
        times_location: user.times_location().map(str::to_owned),
        connection_types: texts(user.allowed_connection_types.as_ref())
            .map(str::to_owned)
            .collect(),
        subscriptions: limit(user.subs),
        payload: limit(user.payload),
    }
}

pub(super) fn ignored(user: &UserFacts, version: ServerVersion) -> Vec<&'static str> {
    let limited = |number: Option<i64>| number.is_some_and(|number| number > 0);
    let (limits, types) = (
        version.enforces_limits(),
        version.enforces_connection_types(),
    );
    let filled = |list: Option<usize>| list.is_some_and(|length| length > 0);
    let proxy = user.proxy_required.unwrap_or_default() && !version.knows_proxies();
    [
        (
            "src",
            !limits && filled(user.sources.as_ref().map(Vec::len)),
        ),
        (
            "allowed_connection_types",
            !types && filled(user.allowed_connection_types.as_ref().map(Vec::len)),
        ),
        ("subs", !limits && limited(user.subs)),
        ("data", limited(user.data)),
        ("payload", !limits && limited(user.payload)),
        ("bearer_token", user.bearer_token.unwrap_or_default()),
        ("proxy_required", proxy),
    ]
    .into_iter()
    .filter_map(|(name, is_there)| is_there.then_some(name))
    .collect()
}
