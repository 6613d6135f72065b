//! What a policy is, may do and lacks, without serving it.

use std::path::Path;
use std::sync::Arc;

use portcullis_core::Digest;
use portcullis_engine::{Description, Engine, Grants, Limits};

use crate::catalog::CatalogOptions;
use crate::content::{Content, Paths};
use crate::prover::{Stop, Task};
use crate::settings::SettingsFile;
use crate::signature::{Signature, SignatureError, signature};
use crate::unit::{UnitError, UnitProblem};
use crate::vectors::{TestOutcome, TestVectors};

/// What can be said of one `NAME.wasm` with the files beside it.
#[derive(Debug)]
pub struct Inspection {
    /// The digest of the module.
    pub digest: Digest,
    /// The digest of module, settings and tests.
    pub version: Digest,
    /// The size of the module, in bytes.
    pub size: usize,
    /// Who signed it; none if nobody did.
    pub signature: Result<Option<Signature>, SignatureError>,
    /// What it is made of.
    pub description: Description,
    /// What it may use, `NAME.toml` counted in.
    pub limits: Limits,
    /// What it may ask for beyond the ordinary.
    pub grants: Grants,
    /// How many decisions one instance makes.
    pub decisions_per_instance: u32,
    /// How many tests come with it.
    pub tests: usize,
    /// Whether the state that `configure` leaves can be kept, and what the tests came to; the error if it cannot be put in service.
    pub verdict: Result<(bool, Vec<TestOutcome>), UnitError>,
}

/// Looks at the module in a file, which does not have to lie in a policy directory, and at what lies beside it. Blocks.
///
/// # Errors
///
/// When the module or its settings cannot be read, or it is no policy at all.
pub fn inspect(
    engine: &Engine,
    module: &Path,
    options: &CatalogOptions,
) -> Result<Inspection, UnitError> {
    let paths = Paths::of(module.to_owned());
    let stem = module.file_stem().unwrap_or_default().to_string_lossy();
    let content = Content::read(&paths, options.max_module_size)?;
    let tests = match &content.tests {
        Some(bytes) => TestVectors::parse(&paths.tests, bytes)?.len(),
        None => 0,
    };
    // A file that waits for its place may have a name that no policy can have, as `static_users.wasm` made by cargo has not.
    let name = stem.parse().or_else(|_| "inspected".parse()).map_err(
        |error: portcullis_core::InvalidPolicyName| {
            UnitError::new(&paths.module, UnitProblem::Settings(error.to_string()))
        },
    )?;
    let terms = options.terms(&name);
    let file = SettingsFile::read(&paths.settings, content.settings.as_deref(), &name, &terms)?;
    let (content, options) = (Arc::new(content), Arc::new(options.clone()));
    let task = Task {
        name,
        paths,
        content: Arc::clone(&content),
        options: Arc::clone(&options),
        yields: false,
        describes: true,
        cancel: Stop::default(),
    };
    let proof = options.prover.prove(engine, &task)?;
    let undescribed = || Err(UnitError::new(&task.paths.module, UnitProblem::Stopped));
    let description = proof.description.unwrap_or_else(undescribed)?;
    Ok(Inspection {
        digest: content.fingerprint.module,
        version: content.fingerprint.version(),
        size: content.module.len(),
        signature: signature(&content.module),
        description,
        limits: file.limits,
        grants: terms.grants,
        decisions_per_instance: file
            .decisions_per_instance
            .map_or(1, std::num::NonZero::get),
        tests,
        verdict: proof
            .verdict
            .map(|(policy, outcomes)| (policy.is_snapshotted(), outcomes)),
    })
}
