//! `portcullis policy`: state of policies, signatures and rollback.

mod diff;

use std::fmt::Write as _;
use std::io::{self, ErrorKind};
use std::mem;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use portcullis_catalog::{
    Freshness, PolicyStatus, Prover, RollbackError, ServingStatus, SignError, Status,
    check_state_directory, rollback, sign_version,
};
use portcullis_config::{Policies, PolicyTables, Survey, catalog_options};
use portcullis_connect::SecretSource;
use portcullis_core::PolicyName;
use portcullis_toml::text::one_line;
use serde_json::json;

use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::keys::publishing_key;
use crate::output::{NotDone, Output, render_json};

pub(crate) use diff::{DiffArguments, diff};

/// Returns the state of every policy, as the host that serves with this configuration last wrote
/// it. The exit code says whether that state is current.
///
/// # Errors
///
/// Fails if the configuration is invalid, or if the state directory has no status, cannot be read
/// or is not trusted.
pub(crate) fn status(config: &Path, json: bool) -> Result<Output, NotDone> {
    let policies = read_policies(config)?.policies;
    let (status, freshness) = read_status(&policies).map_err(|error| {
        let directory = policies.state_directory.display();
        let context = match error.kind() {
            ErrorKind::NotFound => format!(
                "no status in `{directory}`: start the host, or look for its own word in its log"
            ),
            _ => format!("cannot read the status in `{directory}`"),
        };
        Failure::new(
            ExitCode::NotFound,
            anyhow::Error::new(error).context(context),
        )
    })?;
    let code = match freshness {
        Freshness::Current => ExitCode::Success,
        _ => ExitCode::NotCurrent,
    };
    let text = if json {
        let mut json = serde_json::to_value(&status).map_err(Failure::internal)?;
        if let Some(object) = json.as_object_mut() {
            object.insert("host".to_owned(), host(freshness).into());
        }
        render_json(&json)?
    } else {
        tell(&status, freshness)
    };
    Ok(Output { text, code })
}

/// Time that a host may take to confirm its status, in addition to polls and a load.
const CONFIRMATION_MARGIN: Duration = Duration::from_mins(1);

fn read_status(policies: &Policies) -> io::Result<(Status, Freshness)> {
    let directory = &policies.state_directory;
    check_state_directory(directory)?;
    let status = Status::read(directory)?;
    // A host confirms its status with every pass, and a pass may load policies first.
    let limit = policies
        .catalog
        .poll_interval
        .saturating_mul(3)
        .saturating_add(policies.catalog.load_timeout)
        .saturating_add(CONFIRMATION_MARGIN);
    Ok((status, Freshness::read(directory, limit)?))
}

const fn host(freshness: Freshness) -> &'static str {
    match freshness {
        Freshness::Current => "running",
        Freshness::NotRunning => "not-running",
        _ => "stale",
    }
}

fn tell(status: &Status, freshness: Freshness) -> String {
    let mut text = match freshness {
        Freshness::Current => String::new(),
        Freshness::NotRunning => format!(
            "NOT RUNNING: process {} has ended, and no host uses this state directory; what served last:\n",
            status.process
        ),
        _ => "STALE: the host runs and cannot write its status, see its log; what it could write last:\n"
            .to_owned(),
    };
    // Writing to a string does not fail.
    let _ = writeln!(
        text,
        "as process {} wrote it at {}",
        status.process,
        time(status.at)
    );
    let serves = match freshness {
        Freshness::Current => "serves",
        _ => "served",
    };
    for policy in &status.policies {
        tell_policy(&mut text, policy, serves);
    }
    if status.policies.is_empty() {
        text.push_str("no policies\n");
    }
    text
}

/// Writes a policy's lines. Writing to a string does not fail.
fn tell_policy(text: &mut String, policy: &PolicyStatus, serves: &str) {
    let _ = match &policy.serving {
        Some(serving) => tell_serving(text, &policy.name, serving, serves),
        None if policy.required => writeln!(
            text,
            "{}: no good version, and required: no login gets past it",
            policy.name
        ),
        None => writeln!(text, "{}: no good version", policy.name),
    };
    if let Some(attempt) = &policy.last_attempt
        && let Some(error) = &attempt.error
    {
        let file = attempt.file.as_deref().map(Path::display);
        let file = file.map(|file| format!("{file}: ")).unwrap_or_default();
        let line = attempt.line.map(|line| format!("line {line}: "));
        let _ = writeln!(
            text,
            "  refused at {}: {}{}{}",
            time(attempt.at),
            one_line(&file),
            line.unwrap_or_default(),
            one_line(error)
        );
    }
    if !policy.kept.is_empty() {
        let kept: Vec<_> = policy.kept.iter().map(u64::to_string).collect();
        let _ = writeln!(text, "  kept: {}", kept.join(", "));
    }
}

fn tell_serving(
    text: &mut String,
    name: &str,
    serving: &ServingStatus,
    serves: &str,
) -> std::fmt::Result {
    let (generation, since) = (serving.generation, time(serving.since));
    let (version, digest) = (&serving.version, &serving.digest);
    let restored = if serving.restored {
        ", restored at the start"
    } else {
        ""
    };
    writeln!(
        text,
        "{name}: generation {generation} {serves} since {since}, version {version}, module {digest}{restored}"
    )?;
    writeln!(
        text,
        "  configured state: {}",
        configured_state(serving.snapshotted)
    )
}

/// Returns, in words, whether the state after a policy's `configure` is kept.
pub(crate) const fn configured_state(snapshotted: bool) -> &'static str {
    if snapshotted {
        "kept, every decision starts from it"
    } else {
        "cannot be kept, settings are read again before every decision"
    }
}

/// Returns a time for people. `seconds` counts from the Unix epoch.
pub(crate) fn time(seconds: u64) -> String {
    let time = UNIX_EPOCH.checked_add(Duration::from_secs(seconds));
    time.map_or_else(
        || seconds.to_string(),
        |time| humantime::format_rfc3339_seconds(time).to_string(),
    )
}

/// Puts the files of a kept version back into the policy directory: that of the generation `to`, or
/// else the one before the present files.
///
/// # Errors
///
/// Fails if the configuration is invalid, if no such version is kept, or if its files cannot be
/// replaced.
pub(crate) fn roll_back(
    config: &Path,
    name: &PolicyName,
    to: Option<u64>,
    json: bool,
) -> Result<Output, NotDone> {
    let policies = read_policies(config)?.policies;
    let options = catalog_options(&policies, None, &Prover::default());
    let done = rollback(&options, name, to).map_err(|error| {
        let code = match error {
            RollbackError::Replace { .. } | RollbackError::Link(_) => ExitCode::CannotCreate,
            _ => ExitCode::NotFound,
        };
        Failure::new(code, error)
    })?;
    let directory = &policies.catalog.directory;
    if json {
        let value = json!({
            "policy": name.as_str(),
            "generation": done.generation,
            "module": done.digest.to_string(),
            "directory": directory,
        });
        return Ok(render_json(&value).map(Output::success)?);
    }
    Ok(Output::success(format!(
        "{}: generation {} of policy `{name}` is back in place ({}); a host that watches the directory loads it\n",
        directory.display(),
        done.generation,
        done.digest
    )))
}

/// Signs the module in `file` with the seed in `seed_file`. `version` numbers the version, and
/// `with_settings` covers the settings, tests and texts next to it.
///
/// # Errors
///
/// Fails if the text is not a seed or the seed is publicly known. Also fails if the file is not a
/// module or cannot be replaced.
pub(crate) fn sign(
    file: &Path,
    seed_file: &Path,
    version: Option<u64>,
    with_settings: bool,
    json: bool,
) -> Result<Output, NotDone> {
    let seed = SecretSource::File(seed_file.to_owned()).read();
    let seed = seed.map_err(|error| Failure::new(ExitCode::BadConfiguration, error))?;
    let key = publishing_key(seed.expose()).map_err(|error| {
        let context = format!("`{}` cannot sign modules", seed_file.display());
        Failure::new(ExitCode::BadConfiguration, error.context(context))
    })?;
    sign_version(file, &key, version.unwrap_or(0), with_settings)
        .map_err(|error| Failure::new(code_of(&error), error))?;
    if json {
        let value = json!({
            "file": file,
            "publisher": key.public_key(),
            "version": version,
            "with_settings": with_settings,
        });
        return Ok(render_json(&value).map(Output::success)?);
    }
    Ok(Output::success(format!(
        "{}: signed by {}\n",
        file.display(),
        key.public_key()
    )))
}

fn code_of(error: &SignError) -> ExitCode {
    match error {
        SignError::NotWasm(_) => ExitCode::BadPolicies,
        SignError::File { source, .. } if source.kind() == ErrorKind::NotFound => {
            ExitCode::NotFound
        }
        _ => ExitCode::CannotCreate,
    }
}

/// Reads the tables of a configuration about policies. Other tables may be invalid.
pub(crate) fn read_policies(config: &Path) -> Result<PolicyTables, NotDone> {
    let mut survey = Survey::read(config);
    let problems = mem::take(&mut survey.problems);
    PolicyTables::of(survey).ok_or(NotDone::Configuration(problems))
}
