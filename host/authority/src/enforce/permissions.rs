//! The permissions of a permit under ceilings, with denies that make servers read them literally.

use std::collections::BTreeSet;
use std::fmt;

use parking_lot::Mutex;
use portcullis_core::{
    AccountName, Ceiling, CeilingExceeded, Denial, DenialClass, DenyFilter, OpenTail, Permissions,
    PolicyName, PolicyRef, WorkBudget,
};

/// The permissions of a permit after the ceilings.
#[derive(Debug, Default)]
pub(crate) struct IssuedPermissions {
    /// The permissions that the login gets. `None` if no ceiling applies and no deny was added.
    /// `Some` does not mean that a ceiling reduced the permit.
    pub(super) permissions: Option<Permissions>,
    /// The first subscribe permission that servers read as wider than it is written.
    pub(super) open_tail: Option<OpenTail>,
}

/// The account or the policy that a ceiling limits.
#[derive(Clone, Copy, Debug)]
pub(super) enum CeilingOwner<'a> {
    Account(&'a AccountName),
    Policy(&'a PolicyName),
}

impl fmt::Display for CeilingOwner<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(name) => write!(formatter, "account `{name}`"),
            Self::Policy(name) => write!(formatter, "policy `{name}`"),
        }
    }
}

/// Applies every one of `ceilings` to `permissions`. Adds the denies that restrict a `*` at the end
/// of a subscribe permission to one token, and those that older servers overlook.
pub(super) fn issued<'a>(
    permissions: &Permissions,
    ceilings: impl Iterator<Item = (CeilingOwner<'a>, &'a Ceiling)>,
    filter: DenyFilter,
    work: &mut WorkBudget,
) -> Result<IssuedPermissions, Denial> {
    let mut bounded: Option<Permissions> = None;
    for (owner, ceiling) in ceilings {
        let asked = bounded.as_ref().unwrap_or(permissions);
        bounded = Some(ceiling.apply(asked, filter, work).map_err(|error| {
            let reason = match error {
                CeilingExceeded::TooMuchWork(error) => {
                    format!("the permit cannot be held to the ceiling of {owner}: {error}")
                }
                error => format!("the permit exceeds the ceiling of {owner}: {error}"),
            };
            Denial::new(DenialClass::CeilingExceeded, reason)
        })?);
    }
    let literal = bounded
        .as_ref()
        .unwrap_or(permissions)
        .literal(filter, work);
    let literal = literal.map_err(|error| {
        let reason = format!("the permit's permissions: {error}");
        Denial::new(DenialClass::InvalidPermit, reason)
    })?;
    Ok(IssuedPermissions {
        permissions: literal.extended.or(bounded),
        open_tail: literal.open.into_iter().next(),
    })
}

/// Warns of the first such permission of each version of a policy. A warning for each login would
/// fill the log.
pub(super) fn warn_once(open: &OpenTail, policy: &PolicyRef) {
    /// A number above that of a host's policies. Clearing the set costs a repeated line.
    const MAX_WARNED: usize = 1024;
    static WARNED: Mutex<BTreeSet<(String, u64)>> = Mutex::new(BTreeSet::new());

    let mut warned = WARNED.lock();
    if warned.len() >= MAX_WARNED {
        warned.clear();
    }
    if warned.insert((policy.name.to_string(), policy.generation)) {
        tracing::warn!(
            policy.name = %policy.name,
            policy.generation = policy.generation,
            subject = %open.subject,
            error = %open,
            "a subscribe permission is wider than it looks"
        );
    }
}
