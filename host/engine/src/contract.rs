//! The contract as this host has it, read from the very text that its bindings are made from.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use wit_parser::{Resolve, World, WorldItem};

/// The package of the contract. A module may import nothing else.
pub(crate) const PACKAGE: &str = "portcullis:policy/";

/// The world whose imports are what a host lends.
const WORLD: &str = "policy";

/// The contract of this host. Empty if its text could not be read, so that no module would fit; a test sees to it that it can.
pub(crate) static CONTRACT: LazyLock<Contract> =
    LazyLock::new(|| Contract::read(include_str!("../../../wit/policy.wit")).unwrap_or_default());

/// What a version of the contract lends to policies.
#[derive(Debug, Default)]
pub(crate) struct Contract {
    /// Its version, such as `0.1.0`.
    pub(crate) version: String,
    /// The versions that are compatible with it, such as `0.1`.
    pub(crate) track: String,
    /// The functions of every imported interface.
    functions: BTreeMap<String, BTreeSet<String>>,
}

/// A name such as `portcullis:policy/client@0.1.0`, taken apart.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Name<'a> {
    pub(crate) interface: &'a str,
    pub(crate) version: &'a str,
}

impl<'a> Name<'a> {
    /// None for what is not of our package.
    pub(crate) fn read(name: &'a str) -> Option<Self> {
        let rest = name.strip_prefix(PACKAGE)?;
        let (interface, version) = rest.split_once('@').unwrap_or((rest, ""));
        Some(Self { interface, version })
    }
}

impl Contract {
    fn read(text: &str) -> Option<Self> {
        let mut resolve = Resolve::default();
        let package = resolve.push_source("policy.wit", text).ok()?;
        let package = resolve.packages.get(package)?;
        let version = package.name.version.as_ref()?;
        let world = resolve.worlds.get(*package.worlds.get(WORLD)?)?;
        let functions = interfaces(&resolve, world)
            .filter_map(|(name, functions)| {
                let name = Name::read(&name)?.interface.to_owned();
                Some((name, functions))
            })
            .collect();
        Some(Self {
            version: version.to_string(),
            track: format!("{}.{}", version.major, version.minor),
            functions,
        })
    }

    /// Whether a module made for `version` may find what it needs here.
    pub(crate) fn speaks(&self, version: &str) -> bool {
        version
            .strip_prefix(self.track.as_str())
            .and_then(|rest| rest.strip_prefix('.'))
            .is_some_and(|patch| !patch.is_empty() && patch.bytes().all(|b| b.is_ascii_digit()))
    }

    /// The functions of `interface`; none if there is no such interface.
    pub(crate) fn functions(&self, interface: &str) -> Option<&BTreeSet<String>> {
        self.functions.get(interface)
    }
}

/// The interfaces that a world imports, by their whole names, and the functions of each.
pub(crate) fn interfaces<'a>(
    resolve: &'a Resolve,
    world: &'a World,
) -> impl Iterator<Item = (String, BTreeSet<String>)> + 'a {
    world.imports.iter().map(|(key, item)| {
        let functions = match item {
            WorldItem::Interface { id, .. } => resolve
                .interfaces
                .get(*id)
                .map(|interface| interface.functions.keys().cloned().collect())
                .unwrap_or_default(),
            _ => BTreeSet::new(),
        };
        (resolve.name_world_key(key), functions)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hosts_own_contract_is_read() {
        assert_eq!((&*CONTRACT.version, &*CONTRACT.track), ("0.1.1", "0.1"));
        let permits = CONTRACT.functions("permits").unwrap();
        assert!(permits.contains("[method]permit.attribute"), "{permits:?}");
        assert!(CONTRACT.functions("secrets").is_some());
        assert!(CONTRACT.functions("decider").is_none(), "not an import");
    }

    #[test]
    fn a_track_is_a_minor_version_without_previews() {
        for (version, spoken) in [
            ("0.1.0", true),
            ("0.1.17", true),
            ("0.1.1-rc.1", false),
            ("0.1", false),
            ("0.1.", false),
            ("0.10.0", false),
            ("0.2.0", false),
            ("", false),
        ] {
            assert_eq!(CONTRACT.speaks(version), spoken, "`{version}`");
        }
    }
}
