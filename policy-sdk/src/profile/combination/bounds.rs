//! The bounds of a login that has several profiles.

use std::time::Duration;

use ipnet::IpNet;

use super::Refusal;
use crate::Permit;
use crate::profile::{ProfileTemplate, Responses, Times, with_role};

/// The bounds that apply to all profiles together. `None` means that no profile sets the bound.
#[derive(Clone, Debug, Default)]
pub(super) struct Bounds {
    responses: Option<Responses>,
    role: Option<String>,
    /// INVARIANT: never an empty list, which would allow every network.
    sources: Option<Vec<IpNet>>,
    /// INVARIANT: never an empty list, which would allow every connection type.
    connection_types: Option<Vec<String>>,
    times: Option<(Vec<Times>, Option<String>)>,
    proxy_required: bool,
}

impl Bounds {
    pub(super) fn add(&mut self, name: &str, profile: &ProfileTemplate) -> Result<(), Refusal> {
        let bounds = &profile.bounds;
        self.responses = [self.responses, bounds.responses]
            .into_iter()
            .flatten()
            .max_by_key(generosity);
        if let Some(role) = &bounds.role {
            same(&mut self.role, role, name, "role")?;
        }
        if !profile.sources.is_empty() {
            let common = |known: &[IpNet]| common_networks(known, &profile.sources);
            narrow(&mut self.sources, &profile.sources, common)
                .ok_or_else(|| nothing_in_common(name, "network of `sources`"))?;
        }
        if !bounds.connection_types.is_empty() {
            let common = |known: &[String]| common_types(known, &bounds.connection_types);
            narrow(&mut self.connection_types, &bounds.connection_types, common)
                .ok_or_else(|| nothing_in_common(name, "type of `connection-types`"))?;
        }
        if !bounds.times.is_empty() {
            let times = (bounds.times.clone(), bounds.times_location.clone());
            same(&mut self.times, &times, name, "set of `times`")?;
        }
        self.proxy_required |= bounds.proxy_required;
        Ok(())
    }

    pub(super) const fn allow_nothing(&self) -> bool {
        self.role.is_none() && self.responses.is_none()
    }

    pub(super) fn add_to(self, mut permit: Permit) -> Permit {
        if let Some(responses) = self.responses {
            permit = permit.responses_allow(responses.max, responses.ttl);
        }
        if let Some(role) = self.role {
            permit = with_role(permit, &role);
        }
        for network in self.sources.into_iter().flatten() {
            permit = permit.source_allow(network.to_string());
        }
        for name in self.connection_types.into_iter().flatten() {
            permit = permit.connection_type_allow(name);
        }
        if let Some((times, zone)) = self.times {
            for range in times {
                permit = permit.time_allow(range.start, range.end);
            }
            if let Some(zone) = zone {
                permit = permit.times_location(zone);
            }
        }
        if self.proxy_required {
            permit = permit.proxy_required();
        }
        permit
    }
}

/// Returns the sort key of generosity as a server interprets the values: the number of replies
/// first.
fn generosity(responses: &Responses) -> (u32, Duration) {
    let default = Duration::from_mins(2);
    let ttl = match responses.ttl {
        Duration::ZERO => default,
        ttl => ttl,
    };
    (responses.max.max(1), ttl)
}

fn same<T: Clone + PartialEq>(
    known: &mut Option<T>,
    new: &T,
    profile: &str,
    bound: &'static str,
) -> Result<(), Refusal> {
    if known.as_ref().is_some_and(|known| known != new) {
        let profile = profile.to_owned();
        return Err(Refusal::Different { profile, bound });
    }
    *known = Some(new.clone());
    Ok(())
}

/// Intersects `known` with `new`. Returns `None` if the intersection is empty.
fn narrow<T: Clone>(
    known: &mut Option<Vec<T>>,
    new: &[T],
    common: impl FnOnce(&[T]) -> Vec<T>,
) -> Option<()> {
    let left = match known {
        Some(known) => common(known),
        None => new.to_vec(),
    };
    let some = !left.is_empty();
    *known = Some(left);
    some.then_some(())
}

fn nothing_in_common(profile: &str, bound: &'static str) -> Refusal {
    let profile = profile.to_owned();
    Refusal::NothingInCommon { profile, bound }
}

/// Returns the intersection of two lists. Two networks are nested or disjoint.
fn common_networks(known: &[IpNet], new: &[IpNet]) -> Vec<IpNet> {
    let mut common = Vec::new();
    for one in known {
        for other in new {
            let narrower = match (one.contains(other), other.contains(one)) {
                (true, _) => other,
                (false, true) => one,
                (false, false) => continue,
            };
            if !common.contains(narrower) {
                common.push(*narrower);
            }
        }
    }
    common
}

fn common_types(known: &[String], new: &[String]) -> Vec<String> {
    let in_new = |name: &&String| new.iter().any(|other| other.eq_ignore_ascii_case(name));
    known.iter().filter(in_new).cloned().collect()
}
