//! The contract of this host, parsed from the text that its bindings are generated from.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use wit_parser::{Resolve, World, WorldItem};

/// Package of the contract. A module may import nothing else.
pub(crate) const PACKAGE: &str = "portcullis:policy/";

/// World whose imports the host provides.
const WORLD: &str = "policy";

/// Contract of this host. Empty if its text cannot be parsed, so that no module fits; a test guards
/// against that.
pub(crate) static CONTRACT: LazyLock<Contract> =
    LazyLock::new(|| Contract::read(include_str!("../wit/policy.wit")).unwrap_or_default());

/// The functions that a version of the contract provides to policies.
#[derive(Debug, Default)]
pub(crate) struct Contract {
    /// Version of the contract, such as `0.1.0`.
    pub(crate) version: String,
    /// Compatible versions, such as `0.1`.
    pub(crate) track: String,
    /// Functions of every imported interface.
    functions: BTreeMap<String, BTreeSet<String>>,
}

/// A parsed name such as `portcullis:policy/client@0.1.0`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Name<'a> {
    pub(crate) interface: &'a str,
    pub(crate) version: &'a str,
}

impl<'a> Name<'a> {
    /// Parses a name. `None` if it is not of the contract's package.
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

    /// Returns whether a module made for `version` may find what it needs in this contract.
    pub(crate) fn speaks(&self, version: &str) -> bool {
        version
            .strip_prefix(self.track.as_str())
            .and_then(|rest| rest.strip_prefix('.'))
            .is_some_and(|patch| !patch.is_empty() && patch.bytes().all(|b| b.is_ascii_digit()))
    }

    /// Returns the functions of `interface`. `None` if the contract does not have it.
    pub(crate) fn functions(&self, interface: &str) -> Option<&BTreeSet<String>> {
        self.functions.get(interface)
    }
}

/// Returns the interfaces that a world imports, by full name, with their functions.
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
