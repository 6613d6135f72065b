//! `portcullis serve`: the service until a signal stops it.

use std::path::Path;

use portcullis::Host;
use portcullis_config::{Config, LogFilter, LogFormat, Secrets};
use portcullis_toml::{Problem, Problems};
use tokio::task::JoinSet;
use tracing::{error, warn};

use crate::check::check_log;
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::file_limit::raise_file_limit;
use crate::output::complain;
use crate::prove::child_prover;
use crate::runtime::STOP_LIMIT;
use crate::{control, reload, signals, telemetry};

/// Runs the service. Writes problems of the configuration as plain lines, because the configuration
/// determines the log. Everything later is logged.
pub(crate) fn run(file: &Path, format: Option<LogFormat>, level: Option<LogFilter>) -> ExitCode {
    let loaded = Config::load(file).and_then(|config| {
        let secrets = config.value.resolve_secrets()?;
        if let Some(problem) = check_log(file, &config.value.log) {
            return Err(problem.into());
        }
        Ok((config, secrets))
    });
    let (config, secrets) = match loaded {
        Ok(loaded) => loaded,
        Err(problems) => {
            for problem in problems {
                complain(&problem.to_string());
            }
            return ExitCode::BadConfiguration;
        }
    };
    let format = format.unwrap_or(config.value.log.format);
    // A level on the command line also wins over that of a later configuration.
    let follows_file = level.is_none();
    let level = level.unwrap_or_else(|| config.value.log.level.clone());
    let _log = match telemetry::init(format, &level, config.value.log.when_full) {
        Ok(guard) => guard,
        Err(error) => {
            complain(&format!("portcullis: {error}"));
            return ExitCode::Internal;
        }
    };
    raise_file_limit();
    for problem in config.warnings.iter().chain(&secrets.warnings) {
        log_warning(problem);
    }
    match serve(config.value, secrets.value, follows_file) {
        Ok(()) => ExitCode::Success,
        Err(failure) => {
            error!(error = %failure, "cannot serve");
            failure.code()
        }
    }
}

/// Checks the log of a new configuration. Returns what applies it, if the log `follows_file`.
fn reload_log(config: &Config, follows_file: bool) -> Result<Box<dyn FnOnce() + Send>, Problems> {
    if let Some(problem) = check_log(&config.file, &config.log) {
        return Err(problem.into());
    }
    let level = config.log.level.clone();
    Ok(Box::new(move || {
        if follows_file {
            telemetry::replace_filter(&level);
        }
    }))
}

/// Runs the host until a signal stops it. SIGHUP and `portcullis reload` reload the configuration
/// and the policies.
fn serve(config: Config, secrets: Secrets, follows_file: bool) -> Result<(), Failure> {
    // Every decision that may run has a thread, and so has each file that is read meanwhile.
    let threads = config.callout.max_in_flight.saturating_add(64);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(threads)
        .build()
        .map_err(Failure::internal)?;
    let state_directory = config.policies.state_directory.clone();
    let served = runtime.block_on(async {
        // Handles the signals before policies are compiled: without a handler, SIGHUP would end the
        // process.
        let stop = signals::stop_requested().map_err(Failure::internal)?;
        let hang_ups = signals::hang_ups().map_err(Failure::internal)?;
        let host = Host::builder(config)
            .secrets(secrets)
            .prover(child_prover())
            .metrics(telemetry::samples)
            .on_reload(move |config| reload_log(config, follows_file))
            .build()?;
        let mut tasks = JoinSet::new();
        let handle = host.handle();
        tasks.spawn(hang_ups.call(move || {
            let handle = handle.clone();
            async move { drop(reload::reload(&handle).await) }
        }));
        tasks.spawn(control::serve(state_directory, host.handle()));
        let served = host.run(stop).await;
        tasks.abort_all();
        served.map_err(Failure::from)
    });
    // Dropping the runtime would wait for threads that may never end, such as one on a hung mount.
    runtime.shutdown_timeout(STOP_LIMIT);
    served
}

fn log_warning(problem: &Problem) {
    warn!(
        file = %problem.file().display(),
        key = problem.key(),
        problem = problem.message(),
        "configuration doubtful"
    );
}
