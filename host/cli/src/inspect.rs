//! `portcullis inspect`: shows facts about a policy.

mod settings;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use portcullis_catalog::{CatalogOptions, Inspection, Prover, Signature, inspect as look};
use portcullis_toml::text::one_line;
use serde_json::{Value, json};

use crate::author::test::test_to_json;
use crate::check::idle_engine;
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::output::{NotDone, Output, render_json};
use crate::policy::{configured_state, read_policies};

/// Inspects a module and its files, under the limits and publishers of a configuration if one is
/// given. `prover` loads and tests the module.
///
/// # Errors
///
/// Fails if the configuration is invalid, or if the file is not a policy.
pub(crate) fn inspect(
    file: &Path,
    config: Option<&Path>,
    json: bool,
    prover: &Prover,
) -> Result<Output, NotDone> {
    let (options, key_value) = if let Some(config) = config {
        let tables = read_policies(config)?;
        (tables.options(prover), tables.key_value)
    } else {
        let directory = file.parent().unwrap_or(Path::new("."));
        let options = CatalogOptions {
            prover: prover.clone(),
            ..CatalogOptions::new(directory)
        };
        (options, None)
    };
    existing(file)?;
    let engine = idle_engine(key_value.as_ref())?;
    let found = look(&engine, file, &options)
        .map_err(|error| Failure::new(ExitCode::BadPolicies, error))?;
    let text = if json {
        render_json(&to_json(file, &found))?
    } else {
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = render(&mut text, file, &found);
        text
    };
    let code = match &found.verdict {
        Ok((_, tests)) if tests.iter().all(|test| test.failure.is_none()) => ExitCode::Success,
        _ => ExitCode::BadPolicies,
    };
    Ok(Output { text, code })
}

/// Returns the facts about a module and its files as an object.
pub(crate) fn to_json(file: &Path, found: &Inspection) -> Value {
    let (signature, signature_error) = match &found.signature {
        Ok(signature) => (signature.as_ref().map(signature_to_json), None),
        Err(error) => (None, Some(error.to_string())),
    };
    let (schema, schema_error) = match &found.settings_schema {
        Ok(schema) => (schema.as_ref(), None),
        Err(error) => (None, Some(error)),
    };
    let (snapshotted, tests, error) = match &found.verdict {
        Ok((snapshotted, tests)) => {
            let tests: Vec<_> = tests.iter().map(test_to_json).collect();
            (Some(snapshotted), Some(tests), None)
        }
        Err(error) => (None, None, Some(error.to_string())),
    };
    let limits = found.limits.each();
    let limits = limits.map(|limit| (limit.name, Value::from(limit.amount.to_string())));
    let buckets = found.grants.key_values.iter();
    let buckets: Vec<_> = buckets.map(ToString::to_string).collect();
    let uses: BTreeMap<_, _> = found.description.uses.iter().cloned().collect();
    json!({
        "file": file,
        "size": found.size,
        "digest": found.digest.to_string(),
        "version": found.version.to_string(),
        "is-component": found.description.is_component,
        "signature": signature,
        "signature-error": signature_error,
        "uses": uses,
        "settings-schema": schema,
        "settings-schema-error": schema_error,
        "limits": limits.into_iter().collect::<BTreeMap<_, _>>(),
        "grants": { "secrets": found.grants.secrets, "key-value": buckets },
        "decisions-per-instance": found.decisions_per_instance,
        "snapshotted": snapshotted,
        "tests": tests,
        "error": error,
    })
}

fn signature_to_json(signature: &Signature) -> Value {
    json!({
        "publisher": signature.publisher.to_string(),
        "version": signature.statement.number,
        "with-settings": signature.statement.files.is_some(),
    })
}

/// Fails if a file does not exist.
pub(crate) fn existing(file: &Path) -> Result<(), Failure> {
    match fs::metadata(file) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let error = anyhow::Error::new(error).context(format!("no file `{}`", file.display()));
            Err(Failure::new(ExitCode::NotFound, error))
        }
        // The reader of the file reports other errors.
        _ => Ok(()),
    }
}

/// Returns the publisher of a signature, and what else the signature states.
fn signed(signature: &Signature) -> String {
    let mut text = signature.publisher.to_string();
    let statement = signature.statement;
    if statement.number > 0 {
        let _ = write!(text, ", as version {}", statement.number);
    }
    if statement.files.is_some() {
        text.push_str(", with its settings, tests and texts");
    }
    text
}

/// Renders the facts about a module and its files.
fn render(text: &mut String, file: &Path, found: &Inspection) -> std::fmt::Result {
    writeln!(text, "{}", one_line(&file.display().to_string()))?;
    render_module(text, found)?;
    render_settings(text, found)?;
    render_terms(text, found)?;
    render_verdict(text, found)
}

/// Renders what the module is, and which functions of the host it uses.
fn render_module(text: &mut String, found: &Inspection) -> std::fmt::Result {
    writeln!(text, "  digest: {}", found.digest)?;
    writeln!(text, "  version: {}", found.version)?;
    let form = if found.description.is_component {
        "a component"
    } else {
        "a core module, made a component when it is loaded"
    };
    writeln!(text, "  form: {form}, {} bytes", found.size)?;
    match &found.signature {
        Ok(Some(signature)) => writeln!(text, "  signed by: {}", signed(signature))?,
        Ok(None) => writeln!(text, "  signed by: no publisher")?,
        Err(error) => writeln!(text, "  signature: {error}")?,
    }
    writeln!(text, "  uses:")?;
    for (interface, functions) in &found.description.uses {
        let uses = format!("{interface}: {}", functions.join(", "));
        writeln!(text, "    {}", one_line(&uses))?;
    }
    Ok(())
}

/// Renders the keys of the policy's own settings.
fn render_settings(text: &mut String, found: &Inspection) -> std::fmt::Result {
    match &found.settings_schema {
        Ok(Some(schema)) => {
            let keys = settings::keys(schema);
            if keys.is_empty() {
                return writeln!(text, "  settings: none");
            }
            writeln!(text, "  settings:")?;
            for key in keys {
                writeln!(text, "    {}", one_line(&key))?;
            }
            Ok(())
        }
        Ok(None) => writeln!(
            text,
            "  settings: unknown, because the module does not describe itself; newer versions of portcullis-sdk do that"
        ),
        Err(problem) => writeln!(text, "  settings: unknown, {}", one_line(problem)),
    }
}

/// Renders the limits and grants that the module would run under.
fn render_terms(text: &mut String, found: &Inspection) -> std::fmt::Result {
    writeln!(text, "  limits:")?;
    for limit in found.limits.each() {
        writeln!(text, "    {}: {}", limit.name, limit.amount)?;
    }
    writeln!(text, "  grants:")?;
    writeln!(text, "    secrets: {}", found.grants.secrets)?;
    let buckets = found.grants.key_values.iter();
    let buckets: Vec<_> = buckets.map(ToString::to_string).collect();
    let buckets = match buckets.as_slice() {
        [] => "none".to_owned(),
        buckets => buckets.join(", "),
    };
    writeln!(text, "    key-value: {buckets}")?;
    let decisions = found.decisions_per_instance;
    writeln!(text, "  decisions per instance: {decisions}")
}

/// Renders the results of the tests, or the reason why the module cannot serve.
fn render_verdict(text: &mut String, found: &Inspection) -> std::fmt::Result {
    let (snapshotted, tests) = match &found.verdict {
        Ok((snapshotted, tests)) => (*snapshotted, tests),
        Err(error) => {
            writeln!(text, "  tests: {}, not run", found.tests)?;
            let error = error.to_string();
            return writeln!(text, "  not to be put in service: {}", one_line(&error));
        }
    };
    let state = configured_state(snapshotted);
    writeln!(text, "  configured state: {state}")?;
    let failures = tests
        .iter()
        .filter_map(|test| Some((test, test.failure.as_ref()?)));
    let failed = failures.clone().count();
    writeln!(text, "  tests: {}, {failed} failed", tests.len())?;
    for (test, failure) in failures {
        let failed = format!("{}: {failure}", test.name);
        writeln!(text, "    {}", one_line(&failed))?;
        for line in &test.log {
            writeln!(text, "      log: {}", one_line(line))?;
        }
    }
    Ok(())
}
