//! A permit's permissions under ceilings, and made to mean to servers what they say.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use portcullis_core::{
    Ceiling, CeilingExceeded, Denial, DenialClass, DenyFilter, OpenTail, Permissions, PolicyRef,
    WorkBudget,
};

/// A permit's permissions after the ceilings.
#[derive(Debug, Default)]
pub(crate) struct Held {
    /// The permissions that the login gets; `None` if they stay as they are.
    pub(super) permissions: Option<Permissions>,
    /// The first subscribe permission that servers read as wider than it looks.
    pub(super) open: Option<OpenTail>,
}

/// Holds `permissions` below every one of `ceilings`, with the denies that hold a `*` at the end of
/// a subscribe permission to one token.
pub(super) fn held<'a>(
    permissions: &Permissions,
    ceilings: impl Iterator<Item = (String, &'a Ceiling)>,
    filter: DenyFilter,
    work: &mut WorkBudget,
) -> Result<Held, Denial> {
    let mut held: Option<Permissions> = None;
    for (whose, ceiling) in ceilings {
        let asked = held.as_ref().unwrap_or(permissions);
        held = Some(ceiling.apply(asked, filter, work).map_err(|error| {
            let reason = match error {
                CeilingExceeded::TooMuchWork(error) => {
                    format!("the permit cannot be held to the ceiling of {whose}: {error}")
                }
                error => format!("the permit exceeds the ceiling of {whose}: {error}"),
            };
            Denial::new(DenialClass::CeilingExceeded, reason)
        })?);
    }
    let subscribe = &held.as_ref().unwrap_or(permissions).subscribe;
    let tails = subscribe.tails(filter, work).map_err(|error| {
        let reason = format!("the permit's subscribe permissions: {error}");
        Denial::new(DenialClass::InvalidPermit, reason)
    })?;
    if !tails.closing.is_empty() {
        let held = held.get_or_insert_with(|| permissions.clone());
        held.subscribe.deny.extend(tails.closing);
    }
    Ok(Held {
        permissions: held,
        open: tails.open.into_iter().next(),
    })
}

/// Warns of the first such permission of every version of a policy: each login would be too much
/// for a log.
pub(super) fn warn_once(open: &OpenTail, policy: &PolicyRef) {
    /// More than a host has policies. Forgetting them costs a repeated line.
    const MOST: usize = 1024;
    static WARNED: Mutex<BTreeSet<(String, u64)>> = Mutex::new(BTreeSet::new());

    let mut warned = WARNED.lock().unwrap_or_else(PoisonError::into_inner);
    if warned.len() >= MOST {
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
