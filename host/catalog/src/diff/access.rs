//! The access that one login gains and loses.

use portcullis_core::{
    AccountLimit, Allowed, Permissions, Permit, Reach, WorkBudget, WorkExceeded,
};

use crate::access::literal;
use crate::assertions::HeldPermit;

/// Maximum number of subjects that are listed for a login, in each direction.
const MAX_SUBJECTS: usize = 16;

/// The outcome of a login by one version.
#[derive(Debug)]
pub(super) enum Outcome {
    Permitted(Box<HeldPermit>),
    Denied,
    Abstained,
}

impl Outcome {
    pub(super) const fn is_permit(&self) -> bool {
        matches!(self, Self::Permitted(_))
    }
}

/// The access that one login gains and loses, one sentence each.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct AccessChanges {
    /// What the login may do with the new version only.
    pub gained: Vec<String>,
    /// What the login may do with the old version only.
    pub lost: Vec<String>,
}

impl AccessChanges {
    pub(super) const fn is_empty(&self) -> bool {
        self.gained.is_empty() && self.lost.is_empty()
    }
}

impl HeldPermit {
    /// Returns the permissions as the host writes them into the user JWT.
    pub(super) fn permissions(&self) -> Result<Permissions, WorkExceeded> {
        literal(self.permit.permissions(), self.filter)
    }

    pub(super) const fn reach<'a>(&self, permissions: &'a Permissions) -> Reach<'a> {
        Reach::new(permissions, self.filter)
    }
}

/// Returns what a login gains and loses from `before` to `now`.
pub(super) fn changes(before: &Outcome, now: &Outcome) -> AccessChanges {
    AccessChanges {
        gained: gained(before, now),
        lost: gained(now, before),
    }
}

/// Returns what a login may do as `now` says, and not as `before` says.
fn gained(before: &Outcome, now: &Outcome) -> Vec<String> {
    match (before, now) {
        (_, Outcome::Denied) | (Outcome::Abstained, Outcome::Abstained) => Vec::new(),
        // Later policies may permit more than this one did.
        (_, Outcome::Abstained) => {
            vec!["leaves the login to later policies, which may permit it".to_owned()]
        }
        (Outcome::Permitted(before), Outcome::Permitted(now)) => gained_by_permit(before, now),
        (_, Outcome::Permitted(now)) => {
            let mut gained = vec![format!("is permitted, in account `{}`", now.account)];
            gained.extend(subjects(None, now));
            gained
        }
    }
}

fn gained_by_permit(before: &HeldPermit, now: &HeldPermit) -> Vec<String> {
    if before.account != now.account {
        let mut gained = vec![format!("is in account `{}`", now.account)];
        gained.extend(subjects(None, now));
        return gained;
    }
    let mut gained = subjects(Some(before), now);
    let (before, now) = (&before.permit, &now.permit);
    let quantities = [
        ("ends later", later(before.expires_at(), now.expires_at())),
        (
            "may have more subscriptions",
            more(before.subscriptions(), now.subscriptions()),
        ),
        (
            "may send larger messages",
            more(before.payload(), now.payload()),
        ),
        (
            "needs no proxy",
            before.requires_proxy() && !now.requires_proxy(),
        ),
        (
            "is valid at more times of the day",
            wider(before.times(), now.times())
                || (!now.times().is_any() && before.times_location() != now.times_location()),
        ),
        (
            "may come from more networks",
            wider(before.sources(), now.sources()),
        ),
        (
            "may use more connection types",
            wider(before.connection_types(), now.connection_types()),
        ),
    ];
    let mut limits = AccountLimit::ALL.into_iter();
    let has_higher = limits.any(|limit| {
        let max = |permit: &Permit| permit.account_limits().get(&limit).copied();
        more(max(before), max(now))
    });
    let quantities = quantities
        .into_iter()
        .chain([("may have an account with higher limits", has_higher)]);
    let quantities = quantities.filter(|(_, is_gained)| *is_gained);
    gained.extend(quantities.map(|(what, _)| what.to_owned()));
    gained
}

/// Returns whether a limit of `now` is higher. `None` is no limit.
fn more<T: PartialOrd>(before: Option<T>, now: Option<T>) -> bool {
    before.is_some_and(|before| now.is_none_or(|now| now > before))
}

fn later(before: Option<u64>, now: Option<u64>) -> bool {
    more(before, now)
}

/// Returns whether `now` lists a value that `before` does not. Networks and times are compared as
/// written.
fn wider<T: PartialEq>(before: &Allowed<T>, now: &Allowed<T>) -> bool {
    !before.is_any() && (now.is_any() || now.listed().any(|value| !before.allows(Some(value))))
}

/// Returns the subjects that a login reaches with `now` and not with `before`.
fn subjects(before: Option<&HeldPermit>, now: &HeldPermit) -> Vec<String> {
    let role_before = before.and_then(|held| held.permit.role());
    match (role_before, now.permit.role()) {
        (before, Some(now)) if before == Some(now) => return Vec::new(),
        (_, Some(role)) => {
            return vec![format!("may do what the template of role `{role}` allows")];
        }
        // What the template allowed is not known, so everything counts.
        (Some(_), None) => return subjects(None, now),
        (None, None) => {}
    }
    let gains = now.permissions().and_then(|permissions| {
        let before = before.map(|before| Ok((before.permissions()?, before.filter)));
        let (before, filter) = before.unwrap_or_else(|| Ok((nothing(), now.filter)))?;
        let before = Reach::new(&before, filter);
        let reach = now.reach(&permissions);
        reach.gains_over(&before, MAX_SUBJECTS, &mut WorkBudget::default())
    });
    match gains {
        Ok(gains) => gains.iter().map(ToString::to_string).collect(),
        Err(error) => vec![format!("may do what cannot be compared: {error}")],
    }
}

/// Returns permissions that allow nothing.
fn nothing() -> Permissions {
    Permissions::default().closed()
}

#[cfg(test)]
mod tests {
    use portcullis_core::{DenyFilter, Permit, PermitBuilder};

    use super::*;

    fn permit(account: &str, build: impl FnOnce(&mut PermitBuilder)) -> Outcome {
        let mut permit = Permit::builder(account, 0);
        build(&mut permit);
        Outcome::Permitted(Box::new(HeldPermit {
            permit: permit.finish().unwrap(),
            account: account.to_owned(),
            filter: DenyFilter::Overlapping,
        }))
    }

    fn publishing(subject: &str) -> Outcome {
        permit("APP", |permit| permit.publish_allow(subject))
    }

    #[test]
    fn a_wider_list_is_gained_and_the_narrower_is_no_loss() {
        let changes = changes(&publishing("a.*"), &publishing("a.>"));
        assert_eq!(changes.gained, ["may publish `a.>`, such as `a.x.x`"]);
        assert_eq!(changes.lost, [""; 0]);
    }

    #[test]
    fn a_list_that_says_the_same_otherwise_changes_nothing() {
        let split = permit("APP", |permit| {
            permit.publish_allow("a.*");
            permit.publish_allow("a.*.>");
        });
        assert!(changes(&publishing("a.>"), &split).is_empty());
    }

    #[test]
    fn a_deny_that_goes_is_gained() {
        let denying = permit("APP", |permit| {
            permit.publish_allow("a.>");
            permit.publish_deny("a.secret");
        });
        let changes = changes(&denying, &publishing("a.>"));
        assert_eq!(changes.gained, ["may publish `a.>`, such as `a.secret`"]);
    }

    #[test]
    fn another_account_is_gained_with_all_that_it_allows() {
        let other = permit("OPS", |permit| permit.publish_allow("a.>"));
        let changes = changes(&publishing("a.>"), &other);
        assert_eq!(
            changes.gained,
            ["is in account `OPS`", "may publish `a.>`, such as `a.x`"]
        );
        assert_eq!(changes.lost.len(), 2);
    }

    #[test]
    fn a_login_that_is_left_to_later_policies_may_gain() {
        let denied = || Outcome::Denied;
        assert_eq!(changes(&denied(), &Outcome::Abstained).gained.len(), 1);
        assert_eq!(
            changes(&publishing("a"), &Outcome::Abstained).gained.len(),
            1
        );
        assert!(changes(&Outcome::Abstained, &denied()).gained.is_empty());
        assert!(changes(&denied(), &Outcome::Denied).is_empty());
        let permitted = changes(&denied(), &publishing("a")).gained;
        assert_eq!(
            permitted,
            [
                "is permitted, in account `APP`",
                "may publish `a`, such as `a`"
            ]
        );
    }

    #[test]
    fn limits_that_go_are_gained() {
        let limited = permit("APP", |permit| {
            permit.expires_at(100);
            permit.source_allow("10.0.0.0/8");
            permit.connection_type_allow("STANDARD");
            permit.proxy_required();
            permit.limit_subscriptions(5);
        });
        let free = permit("APP", |_| ());
        assert_eq!(
            changes(&limited, &free).gained,
            [
                "ends later",
                "may have more subscriptions",
                "needs no proxy",
                "may come from more networks",
                "may use more connection types",
            ]
        );
        assert!(changes(&free, &limited).gained.is_empty());
    }

    #[test]
    fn a_role_is_gained_as_a_whole() {
        let role = |role: &str| permit("APP", |permit| permit.role(role));
        let gained = changes(&publishing("a"), &role("reader")).gained;
        assert_eq!(gained, ["may do what the template of role `reader` allows"]);
        assert!(changes(&role("reader"), &role("reader")).is_empty());
    }
}
