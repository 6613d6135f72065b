//! Inspection: the contents, rights and problems of a policy, without serving it.

use std::path::Path;
use std::sync::Arc;

use portcullis_core::Digest;
use portcullis_engine::{Description, Engine, Grants, Limits, Policy};
use serde_json::Value;

use crate::content::Content;
use crate::options::CatalogOptions;
use crate::policy_tests::{PolicyTests, TestOutcome};
use crate::prover::{Described, Task};
use crate::settings::SettingsFile;
use crate::signature::{Signature, SignatureError, signature};
use crate::single::SinglePolicy;
use crate::unit_error::{UnitError, UnitProblem};

/// The facts about one `NAME.wasm` and the files next to it.
#[derive(Debug)]
pub struct Inspection {
    /// The digest of the module.
    pub digest: Digest,
    /// The digest of module, settings, tests and texts.
    pub version: Digest,
    /// The size of the module, in bytes.
    pub size: usize,
    /// The module's signature. `None` if the module is unsigned.
    pub signature: Result<Option<Signature>, SignatureError>,
    /// Whether the module is a component, and the functions of the contract that it uses.
    pub description: Description,
    /// The JSON Schema of the settings. `None` if the module does not describe itself. The reason
    /// if it fails to.
    pub settings_schema: Result<Option<Value>, String>,
    /// The limits of the policy, including those that `NAME.toml` sets.
    pub limits: Limits,
    /// The extra rights of the policy.
    pub grants: Grants,
    /// Number of decisions that one instance makes. Default: 1.
    pub decisions_per_instance: u32,
    /// Number of the policy's tests.
    pub tests: usize,
    /// Whether the policy starts from a snapshot of its memory after `configure`, and the outcomes
    /// of its tests. The error if the policy cannot be put in service.
    pub verdict: Result<(bool, Vec<TestOutcome>), UnitError>,
}

/// Inspects a module and the files next to it. The module need not lie in a policy directory.
/// Blocks.
///
/// # Errors
///
/// Fails if the module or its settings cannot be read, or if the module is not a policy.
pub fn inspect(
    engine: &Engine,
    module: &Path,
    options: &CatalogOptions,
) -> Result<Inspection, UnitError> {
    let policy = SinglePolicy::read(module, options)?;
    let (paths, content) = (&policy.paths, &policy.content);
    let tests = match &content.tests {
        Some(bytes) => PolicyTests::parse(&paths.tests, bytes)?.len(),
        None => 0,
    };
    let terms = options.terms(&policy.name);
    let settings = content.settings.as_deref();
    let file = SettingsFile::read(&paths.settings, settings, &policy.name, &terms)?;
    let (described, verdict) = describe(engine, &policy, options)?;
    Ok(Inspection {
        digest: content.fingerprint.module,
        version: content.fingerprint.version(),
        size: content.module.len(),
        signature: signature(&content.module),
        description: described.module,
        settings_schema: described.settings_schema.and_then(parse_schema),
        limits: file.limits,
        grants: terms.grants,
        decisions_per_instance: file
            .decisions_per_instance
            .map_or(1, std::num::NonZero::get),
        tests,
        verdict: verdict.map(|(policy, outcomes)| (policy.is_snapshotted(), outcomes)),
    })
}

/// Returns the JSON Schema of a module's settings, without the files next to it. `None` if the
/// module does not describe itself. Blocks.
///
/// # Errors
///
/// Fails if the file is not a policy, and with the inner error if the policy cannot say what its
/// settings are.
pub fn module_schema(
    engine: &Engine,
    module: &Path,
    options: &CatalogOptions,
) -> Result<Result<Option<Value>, String>, UnitError> {
    let mut policy = SinglePolicy::read(module, options)?;
    let module = policy.content.module.clone();
    policy.content = Arc::new(Content::new(module, None, None, Default::default()));
    let (described, _) = describe(engine, &policy, options)?;
    Ok(described.settings_schema.and_then(parse_schema))
}

/// The policy and the outcomes of its tests, or the reason why it cannot be put in service.
type Verdict = Result<(Policy, Vec<TestOutcome>), UnitError>;

/// Describes a unit, and proves it.
fn describe(
    engine: &Engine,
    policy: &SinglePolicy,
    options: &CatalogOptions,
) -> Result<(Described, Verdict), UnitError> {
    let task = Task {
        describes: true,
        ..policy.task(&Arc::new(options.clone()))
    };
    let proof = task.options.prover.prove(engine, &task)?;
    let undescribed = || Err(UnitError::new(&task.paths.module, UnitProblem::Stopped));
    let described = proof.description.unwrap_or_else(undescribed)?;
    Ok((described, proof.verdict))
}

/// Parses the schema that a module has written.
fn parse_schema(text: Option<String>) -> Result<Option<Value>, String> {
    let Some(text) = text else { return Ok(None) };
    match serde_json::from_str(&text) {
        Ok(schema @ Value::Object(_)) => Ok(Some(schema)),
        Ok(_) => Err("its schema is no object of JSON".to_owned()),
        Err(error) => Err(format!("its schema is not JSON: {error}")),
    }
}
