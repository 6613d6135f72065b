//! One policy as its author ships it (a module, its settings, tests and texts), and the steps of
//! its proof. [`crate::prover`] decides where a proof runs.

use portcullis_core::PolicyName;
use portcullis_engine::{self as engine, Engine, LoadError, Policy, Source};
use serde_json::Value;

use crate::content::Content;
use crate::languages;
use crate::lines::with_lines;
use crate::paths::Paths;
use crate::policy_tests::{PolicyTests, TestOutcome};
use crate::prover::{Described, Task};
use crate::settings::SettingsFile;
use crate::signature::{self, SignedFiles};
use crate::smoke;
use crate::terms::Terms;
use crate::text;
use crate::unit_error::{UnitError, UnitProblem};

/// Checks, compiles and configures a unit, and runs its tests.
pub(crate) fn prove(engine: &Engine, task: &Task) -> Result<(Policy, Vec<TestOutcome>), UnitError> {
    let Task {
        name,
        paths,
        content,
        options,
        ..
    } = task;
    check_signature(task)?;
    let tests = match &content.tests {
        Some(bytes) => PolicyTests::parse(&paths.tests, bytes)?,
        None => PolicyTests::default(),
    };
    let terms = task.terms();
    let policy = configure(engine, name, paths, content, &terms)?;
    let outcomes = match metered(&tests, engine, name, paths, content, &terms)? {
        Some(metered) => tests.run(&policy, &metered, &*options.clock),
        None => Vec::new(),
    };
    // A failed test already says more than a smoke login would.
    if outcomes.iter().all(|outcome| outcome.failure.is_none()) {
        smoke::check(&policy, &task.seen, paths, &*options.clock)?;
    }
    policy.end_idle_instances();
    Ok((policy, outcomes))
}

/// Refuses a module without a signature of a trusted publisher. Called before compilation, so that
/// the compiler never reads an untrusted module.
fn check_signature(task: &Task) -> Result<(), UnitError> {
    let fingerprint = &task.content.fingerprint;
    let files = SignedFiles {
        settings: fingerprint.settings,
        tests: fingerprint.tests,
        texts: languages::digest(fingerprint.texts),
    };
    let trusted = &task.options.trusted_publishers;
    signature::check(&task.content.module, files, trusted)
        .map_err(|error| UnitError::new(&task.paths.module, UnitProblem::Signature(error)))
}

/// Describes the module of a unit, which need not fit its settings.
pub(crate) fn describe(engine: &Engine, task: &Task) -> Result<Described, UnitError> {
    let module = &task.content.module;
    let description = engine::describe(module)
        .map_err(|error| UnitError::new(&task.paths.module, UnitProblem::Load(error)))?;
    let settings_schema = match &description.describes {
        Some(interface) => check_signature(task)
            .map_err(|error| error.problem().to_string())
            .and_then(|()| {
                Policy::settings_schema(engine, &task.name, module, interface)
                    .map_err(|error| error.to_string())
            }),
        None => Ok(None),
    };
    Ok(Described {
        module: description,
        settings_schema,
    })
}

/// Returns the policy that meters the fuel of `tests`, made of the same bytes by a metering engine.
/// `None` without tests.
fn metered(
    tests: &PolicyTests,
    engine: &Engine,
    name: &PolicyName,
    paths: &Paths,
    content: &Content,
    terms: &Terms,
) -> Result<Option<Policy>, UnitError> {
    if tests.is_empty() {
        return Ok(None);
    }
    let metering = engine
        .metered()
        .map_err(|error| UnitError::new(&paths.tests, UnitProblem::NoMeter(error)))?;
    configure(&metering, name, paths, content, terms).map(Some)
}

/// Compiles and configures a unit under `terms`.
fn configure(
    engine: &Engine,
    name: &PolicyName,
    paths: &Paths,
    content: &Content,
    terms: &Terms,
) -> Result<Policy, UnitError> {
    let file = SettingsFile::read(&paths.settings, content.settings.as_deref(), name, terms)?;
    let mut settings = file.settings;
    text::add_to(&mut settings, paths, content)?;
    let settings = Value::Object(settings).to_string();
    let source = Source {
        name,
        module: &content.module,
        settings: &settings,
    };
    let loaded = Policy::load(engine, source, file.limits, terms.grants.clone());
    let policy = loaded.map_err(|error| load_error(paths, content, error))?;
    Ok(match file.decisions_per_instance {
        Some(decisions) => policy.reusing(decisions),
        None => policy,
    })
}

/// Returns the engine's error with the file at fault.
fn load_error(paths: &Paths, content: &Content, error: LoadError) -> UnitError {
    if let LoadError::Settings(refusal) = &error
        && let Some(error) = text::refused(paths, content, refusal)
    {
        return error;
    }
    match error {
        // Without a settings file, the error names the module and the file that is missing.
        LoadError::Settings(_) if content.settings.is_none() => {
            let settings = paths.settings.file_name().unwrap_or_default();
            let settings = settings.to_string_lossy().into_owned();
            let problem = UnitProblem::NoSettings { settings, error };
            UnitError::new(&paths.module, problem)
        }
        LoadError::Settings(refusal) => {
            let bytes = content.settings.as_deref().unwrap_or_default();
            let (line, refusal) = match std::str::from_utf8(bytes) {
                Ok(text) => with_lines(text, &refusal),
                Err(_) => (None, refusal),
            };
            UnitError::from_load(paths, LoadError::Settings(refusal)).at_line(line)
        }
        error => UnitError::from_load(paths, error),
    }
}
