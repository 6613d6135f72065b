//! A policy that is named by its module, which need not lie in a policy directory.

use std::path::Path;
use std::sync::Arc;

use portcullis_core::PolicyName;
use portcullis_engine::{LoadError, require_wasm};

use crate::content::Content;
use crate::options::CatalogOptions;
use crate::paths::Paths;
use crate::prover::Task;
use crate::stop::Stop;
use crate::unit_error::{UnitError, UnitProblem};

/// The module of one policy and the files next to it.
pub(crate) struct SinglePolicy {
    pub(crate) name: PolicyName,
    pub(crate) paths: Paths,
    pub(crate) content: Arc<Content>,
}

impl SinglePolicy {
    /// Reads the files of a policy. Says that a file is no module before it reads others: next to
    /// `Cargo.toml` or `NAME.toml`, those are no settings of a policy.
    ///
    /// # Errors
    ///
    /// Fails if a file cannot be read, or if the module is not WebAssembly.
    pub(crate) fn read(module: &Path, options: &CatalogOptions) -> Result<Self, UnitError> {
        let paths = Paths::from_module(module.to_owned());
        let content = Content::read(&paths, options.source())?;
        let no_module = |error: LoadError| UnitError::new(module, UnitProblem::Load(error));
        require_wasm(&content.module).map_err(no_module)?;
        Ok(Self {
            name: policy_name(module)?,
            paths,
            content: Arc::new(content),
        })
    }

    /// Returns the task to prove the policy.
    pub(crate) fn task(&self, options: &Arc<CatalogOptions>) -> Task {
        Task {
            name: self.name.clone(),
            paths: self.paths.clone(),
            content: Arc::clone(&self.content),
            options: Arc::clone(options),
            yields: false,
            describes: false,
            cancel: Stop::default(),
            seen: Vec::new(),
        }
    }
}

/// Returns the name of a policy by that of its module. A file outside a policy directory may have a
/// name that no policy can have, and is then `unnamed`.
pub(crate) fn policy_name(module: &Path) -> Result<PolicyName, UnitError> {
    let name = file_policy(module).map_or_else(|| "unnamed".parse(), Ok);
    name.map_err(|error| UnitError::new(module, UnitProblem::Name(error)))
}

/// Returns the policy that a module has the name of, if a policy can have that name.
pub(crate) fn file_policy(module: &Path) -> Option<PolicyName> {
    let stem = module.file_stem()?.to_string_lossy();
    stem.parse().ok()
}
