//! Results of a response that a server accepts.

use super::claims::{UserFacts, texts};
use super::mode::RoleTemplate;
use super::version::ServerVersion;
use crate::user::{ResponseRule, SubjectRule, TimeRule};

/// The verdict of a server that does not refuse a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerVerdict {
    /// The server admits the user.
    Accepted(Box<Accepted>),
    /// The response itself denies the login, for this reason.
    Denied(String),
}

/// The login of an admitted user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// Account: its name in config mode, its key in operator mode.
    pub account: String,
    /// Name that the server shows for the user from now on.
    pub shown_user: Option<String>,
    /// Time at which the server ends the connection, in seconds since the Unix epoch. This is the
    /// earlier of the user JWT's expiry and the end of the current range of its `times`. `None` if
    /// there is neither.
    pub expires_at: Option<u64>,
    /// Permissions of the user, by their origin.
    pub permissions: EffectivePermissions,
    /// Names of the fields that the user JWT sets and the server does not enforce.
    pub ignored: Vec<&'static str>,
}

/// The permissions of a user, by their origin. A side without entries is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EffectivePermissions {
    /// The permissions of the user JWT.
    Own(RoleTemplate),
    /// The permissions of the role that the signing key is scoped to. The template is `None` if it
    /// is not known.
    Role(String, Option<RoleTemplate>),
    /// The account's default permissions, because the user JWT has none.
    AccountDefault,
}

/// Returns the permissions of a user whose user JWT itself has those of `template`.
pub(super) fn own_permissions(template: RoleTemplate) -> EffectivePermissions {
    let sides = [&template.publish, &template.subscribe];
    let says_nothing = |rule: &&SubjectRule| rule.allow.is_empty() && rule.deny.is_empty();
    if sides.iter().all(says_nothing) && template.responses.is_none() {
        EffectivePermissions::AccountDefault
    } else {
        EffectivePermissions::Own(template)
    }
}

/// Returns the bounds of the user JWT itself in the form of a role's template. A missing limit is
/// 0, unlike that of a template.
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
