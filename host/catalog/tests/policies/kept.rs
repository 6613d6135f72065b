//! A directory of policies whose host stores state.

use std::path::PathBuf;

use portcullis_catalog::{Catalog, CatalogOptions, Status};
use portcullis_core::PolicyName;
use portcullis_test_policies::guest;
use tempfile::TempDir;

use crate::site::{Site, greeting, open};

/// A site whose host stores state.
pub(crate) struct Kept {
    pub(crate) site: Site,
    pub(crate) state: TempDir,
}

impl Kept {
    /// Creates a site with the guest `tells`, which greets with `one`.
    pub(crate) fn new() -> Self {
        let site = Site::new(&[]);
        site.put("p.wasm", &guest("tells"));
        site.put_greeting("p.toml", "one");
        Self {
            site,
            state: TempDir::new().unwrap(),
        }
    }

    pub(crate) fn options(&self) -> CatalogOptions {
        CatalogOptions {
            state_directory: Some(self.state.path().join("state")),
            keep_versions: 3,
            ..self.site.options()
        }
    }

    /// Acts as a starting host.
    pub(crate) fn start(&self) -> Catalog {
        open(self.options()).0
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.state.path().join("state")
    }

    pub(crate) fn status(&self) -> Status {
        Status::read(&self.state()).unwrap()
    }

    pub(crate) fn greet(&self, catalog: &Catalog, text: &str) {
        self.site.put_greeting("p.toml", text);
        catalog.reload().unwrap();
        assert_eq!(greeting(catalog), format!("greeting={text}"));
    }
}

pub(crate) fn generation(catalog: &Catalog) -> u64 {
    catalog.snapshot().policies().next().unwrap().generation
}

pub(crate) fn name() -> PolicyName {
    "p".parse().unwrap()
}
