//! The bounds of a login that has several profiles.

use std::time::Duration;

use ipnet::IpNet;

use super::refusal::Refusal;
use crate::names::ConnectionType;
use crate::permit::{Permit, Responses, TimeRange};
use crate::profile::{ProfileTemplate, add_role};

/// The bounds that apply to all profiles together. `None` means that no profile sets the bound.
#[derive(Clone, Debug, Default)]
pub(super) struct Bounds {
    responses: Option<Responses>,
    role: Option<String>,
    /// INVARIANT: never an empty list, which would allow no network.
    sources: Option<Vec<IpNet>>,
    /// INVARIANT: never an empty list, which would allow no connection type.
    connection_types: Option<Vec<ConnectionType>>,
    times: Option<(Vec<TimeRange>, Option<String>)>,
    proxy_required: bool,
}

impl Bounds {
    pub(super) fn add(&mut self, name: &str, profile: &ProfileTemplate) -> Result<(), Refusal> {
        let Some(bounds) = &profile.bounds else {
            return Ok(());
        };
        self.responses = [self.responses, bounds.responses]
            .into_iter()
            .flatten()
            .max_by_key(generosity);
        if let Some(role) = &bounds.role {
            same(&mut self.role, role, name, "role")?;
        }
        if let Some(sources) = &bounds.sources {
            let common = |known: &[IpNet]| common_networks(known, sources);
            narrow(&mut self.sources, sources, common)
                .ok_or_else(|| nothing_in_common(name, "network of `sources`"))?;
        }
        if let Some(types) = &bounds.connection_types {
            let common = |known: &[ConnectionType]| common_types(known, types);
            narrow(&mut self.connection_types, types, common)
                .ok_or_else(|| nothing_in_common(name, "type of `connection-types`"))?;
        }
        if let Some(times) = &bounds.times {
            let times = (times.clone(), bounds.times_location.clone());
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
            permit = permit.allow_responses(responses);
        }
        if let Some(role) = self.role {
            permit = add_role(permit, &role);
        }
        if let Some(networks) = self.sources {
            permit = permit.allow_sources(networks.iter().map(ToString::to_string));
        }
        if let Some(types) = self.connection_types {
            permit = permit.allow_connection_types(types);
        }
        if let Some((times, zone)) = self.times {
            permit = permit.allow_times(times);
            if let Some(zone) = zone {
                permit = permit.with_times_location(zone);
            }
        }
        if self.proxy_required {
            permit = permit.require_proxy();
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

fn common_types(known: &[ConnectionType], new: &[ConnectionType]) -> Vec<ConnectionType> {
    let in_new = |name: &&ConnectionType| new.contains(name);
    known.iter().filter(in_new).cloned().collect()
}
