//! A directory of policies with a catalog.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use portcullis_catalog::{Catalog, CatalogOptions, PolicyGrants, Report};
use portcullis_core::{Decision, DenialClass, Outcome, PolicyName};
use portcullis_test_policies::{PATIENCE, engine, request};
use tempfile::TempDir;

/// A directory of policies.
pub(crate) struct Site {
    directory: TempDir,
    order: Vec<&'static str>,
    grants: BTreeMap<PolicyName, PolicyGrants>,
}

impl Site {
    pub(crate) fn new(order: &[&'static str]) -> Self {
        Self {
            directory: TempDir::new().unwrap(),
            order: order.to_vec(),
            grants: BTreeMap::new(),
        }
    }

    /// Sets the grants of the policy `name`.
    pub(crate) fn grant(&mut self, name: &str, grants: PolicyGrants) {
        self.grants.insert(name.parse().unwrap(), grants);
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn put(&self, file: &str, content: &[u8]) {
        fs::write(self.path().join(file), content).unwrap();
    }

    pub(crate) fn remove(&self, file: &str) {
        fs::remove_file(self.path().join(file)).unwrap();
    }

    /// Writes settings with which the guest `tells` greets with `greeting`.
    pub(crate) fn put_greeting(&self, file: &str, greeting: &str) {
        self.put(
            file,
            format!("[settings]\ngreeting = \"{greeting}\"\n").as_bytes(),
        );
    }

    /// Writes the guest `conforms` as the policy `name`, with these rules.
    pub(crate) fn put_rules(&self, name: &str, rules: &str) {
        self.put(
            &format!("{name}.wasm"),
            &portcullis_test_policies::guest("conforms"),
        );
        self.put(
            &format!("{name}.toml"),
            format!("[settings]\nrules = {rules}\n").as_bytes(),
        );
    }

    pub(crate) fn options(&self) -> CatalogOptions {
        let order = self.order.iter().map(|name| name.parse().unwrap());
        CatalogOptions {
            order: order.collect(),
            grants: self.grants.clone(),
            poll_interval: PATIENCE,
            debounce: Duration::from_millis(20),
            max_module_size: 1 << 20,
            ..CatalogOptions::new(self.path())
        }
    }

    pub(crate) fn open(&self) -> (Catalog, Report) {
        open(self.options())
    }
}

pub(crate) fn open(options: CatalogOptions) -> (Catalog, Report) {
    Catalog::open(engine(), options).unwrap()
}

pub(crate) fn decide(catalog: &Catalog) -> Decision {
    catalog
        .snapshot()
        .decide(&request(), Instant::now() + PATIENCE)
}

/// Returns the class and the reason of a denial.
pub(crate) fn denial(catalog: &Catalog) -> (DenialClass, String) {
    match decide(catalog).outcome {
        Outcome::Deny(denial) => (denial.class, denial.reason),
        Outcome::Permit(permit) => panic!("{permit:?}"),
    }
}

/// Returns the policies in service, in order.
pub(crate) fn names(catalog: &Catalog) -> Vec<String> {
    let snapshot = catalog.snapshot();
    let names = snapshot.policies().map(|policy| policy.name.to_string());
    names.collect()
}

/// Returns the greeting of the guest `tells`.
pub(crate) fn greeting(catalog: &Catalog) -> String {
    let (class, reason) = denial(catalog);
    assert_eq!(class, DenialClass::PolicyDenied, "{reason}");
    reason.split(';').next().unwrap().to_owned()
}
