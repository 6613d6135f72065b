//! Commands of the program, with their exit codes.

use std::io::{self, Write as _};
use std::path::Path;
use std::process;
use std::time::Duration;

use portcullis::Host;
use portcullis_catalog::ChildLimits;
use portcullis_config::{Config, LogFilter, LogFormat, Secrets};
use portcullis_toml::text::{lines, one_line};
use portcullis_toml::{Problem, Problems};
use tokio::task::JoinSet;
use tracing::{error, warn};

use crate::accounts;
use crate::author::test::{self, TestOptions};
use crate::author::{bench, build, lint, new, watch};
use crate::check::{check_log, check_policies, run_check};
use crate::cli::{AccessVerb, Cli, Command, ImportFrom, PolicyVerb, TokenVerb};
use crate::decide;
use crate::decisions;
use crate::doctor;
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::file_limit::raise_file_limit;
use crate::hash::{self, NotHashed};
use crate::import::{self, NotImported};
use crate::inspect;
use crate::lock;
use crate::manual;
use crate::output::{NotDone, Output, render_json};
use crate::policy;
use crate::prove::{child_prover, prove};
use crate::token::TokenRequest;
use crate::{control, reload, schema, signals, system, telemetry, token};

/// Time that the process waits at its end for threads that still work.
pub(crate) const STOP_LIMIT: Duration = Duration::from_secs(1);

/// Runs the command line and prints its result.
pub(crate) fn run(cli: Cli) -> process::ExitCode {
    let done = match cli.command {
        Command::Serve {
            config,
            log_format,
            log_level,
        } => Ok(run_serve(&config, log_format, log_level)),
        Command::Run(test_bed) => match test_bed.run() {
            Ok(code) => return code.into(),
            Err(failure) => Err(failure),
        },
        Command::Check { config, json } => finish(check(&config, json).map_err(NotDone::from)),
        Command::Doctor(arguments) => {
            finish(doctor::doctor(&arguments, print).map_err(NotDone::from))
        }
        Command::Reload { config, json } => finish(reload::ask(&config, json)),
        Command::Init(arguments) => finish(arguments.run().map_err(NotDone::from)),
        Command::Import { from } => import(&from),
        Command::Export { to } => finish(to.run().map_err(NotDone::from)),
        Command::Policy { verb } => do_policy(verb),
        Command::Inspect { file, config, json } => finish(inspect::inspect(
            &file,
            config.as_deref(),
            json,
            &child_prover(),
        )),
        Command::Schema { of, module } => {
            let printed = schema::print(of, module.as_deref(), &child_prover());
            finish(printed.map_err(NotDone::from))
        }
        Command::Decide(login) => finish(decide::decide(&login, &child_prover())),
        Command::Access { verb } => match verb {
            AccessVerb::Preview(login) => finish(decide::preview(&login, &child_prover())),
        },
        Command::Hash { token } => print_hash(token),
        Command::Token {
            verb: TokenVerb::Get(request),
        } => get_token(request),
        Command::System { verb } => system::run(*verb, print),
        Command::Decisions { verb } => decisions::run(*verb, print),
        Command::Lock { verb } => finish(lock::run(*verb).map_err(NotDone::from)),
        Command::Resolver(arguments) => arguments.run(),
        Command::Operator { verb } => finish(verb.run().map_err(NotDone::from)),
        Command::Account { verb } => finish(verb.run().map_err(NotDone::from)),
        Command::User { verb } => finish(verb.run().map_err(NotDone::from)),
        Command::Keys { verb } => finish(verb.run().map_err(NotDone::from)),
        Command::Creds { verb } => finish(verb.run().map_err(NotDone::from)),
        Command::Jwt { verb } => finish(verb.run().map_err(NotDone::from)),
        Command::Completions { shell } => finish(manual::completions(shell).map_err(NotDone::from)),
        Command::Man { directory } => finish(manual::man(&directory).map_err(NotDone::from)),
        Command::Prove {
            memory,
            processor_time,
        } => prove(ChildLimits {
            memory,
            processor_time,
        }),
    };
    let code = done.unwrap_or_else(|failure| {
        complain(&format!("portcullis: {failure}"));
        failure.code()
    });
    code.into()
}

/// Runs the service. Writes problems of the configuration as plain lines, because the configuration
/// determines the log. Everything later is logged.
fn run_serve(file: &Path, format: Option<LogFormat>, level: Option<LogFilter>) -> ExitCode {
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

fn check(file: &Path, json: bool) -> Result<Output, Failure> {
    let findings = run_check(file, |file, tables| {
        check_policies(file, tables, &child_prover())
    });
    let text = if json {
        render_json(&findings.json())?
    } else {
        findings.text(file)
    };
    let code = findings.code;
    Ok(Output { text, code })
}

fn import(from: &ImportFrom) -> Result<ExitCode, Failure> {
    let (file, directory, json) = match from {
        ImportFrom::Planmdk {
            file,
            directory,
            json,
        } => (file, directory, *json),
        ImportFrom::Nsc {
            directory,
            operator,
            store,
        } => {
            let imported = accounts::import_nsc(directory, operator.as_deref(), store);
            return finish(imported.map_err(NotDone::from));
        }
    };
    match import::planmdk(file, directory) {
        Ok(imported) => {
            print(&if json {
                render_json(&imported.json())?
            } else {
                imported.summary()
            })?;
            Ok(ExitCode::Success)
        }
        Err(NotImported::NotMade(error)) => Err(error.into()),
        Err(NotImported::Missing(problem)) => {
            complain(&problem.to_string());
            Ok(ExitCode::NoPolicyDirectory)
        }
        Err(NotImported::Broken(problems)) => {
            for problem in problems {
                complain(&problem.to_string());
            }
            Ok(ExitCode::BadConfiguration)
        }
    }
}

fn do_policy(verb: PolicyVerb) -> Result<ExitCode, Failure> {
    finish(match verb {
        PolicyVerb::Status { config, json } => policy::status(&config, json),
        PolicyVerb::Rollback {
            name,
            config,
            to,
            json,
        } => policy::roll_back(&config, &name, to, json),
        PolicyVerb::New {
            name,
            template,
            json,
        } => new::make(Path::new(""), &name, template, json).map_err(NotDone::from),
        PolicyVerb::Build {
            directory,
            profile,
            json,
        } => build::build(&directory, &profile, json, &child_prover()),
        PolicyVerb::Test {
            which,
            config,
            filter,
            asked,
            json,
            junit,
            update,
        } => {
            let options = TestOptions {
                config,
                which,
                filter,
                asked,
                json,
                junit,
                update,
            };
            test::test(&options, &child_prover())
        }
        PolicyVerb::Bench { which, time, json } => {
            bench::bench(&which, time, json, &child_prover()).map_err(NotDone::from)
        }
        PolicyVerb::Lint { which, json } => {
            lint::lint(&which, json, &child_prover()).map_err(NotDone::from)
        }
        PolicyVerb::Watch { directory, into } => {
            return watch::watch(&directory, &into, &child_prover(), print);
        }
        PolicyVerb::Diff(arguments) => policy::diff(&arguments, &child_prover()),
        PolicyVerb::Sign {
            file,
            seed_file,
            version,
            with_settings,
            json,
        } => policy::sign(&file, &seed_file, version, with_settings, json),
    })
}

/// Prints the result of a command.
fn finish(done: Result<Output, NotDone>) -> Result<ExitCode, Failure> {
    match done {
        Ok(output) => {
            print(&output.text)?;
            Ok(output.code)
        }
        Err(NotDone::Configuration(problems)) => {
            complain_about(&problems);
            Ok(ExitCode::BadConfiguration)
        }
        Err(NotDone::Policies(problems)) => {
            complain_about(&problems);
            Ok(ExitCode::BadPolicies)
        }
        Err(NotDone::Failed(failure)) => Err(failure),
    }
}

fn get_token(request: TokenRequest) -> Result<ExitCode, Failure> {
    print(&token::get(request)?)?;
    Ok(ExitCode::Success)
}

fn print_hash(token: bool) -> Result<ExitCode, Failure> {
    let hashed = hash::read_secret().and_then(|secret| hash::hash(&secret, token));
    let hash = hashed.map_err(|error| {
        let code = match error {
            NotHashed::NotText
            | NotHashed::Empty
            | NotHashed::SeveralLines
            | NotHashed::TooLong => ExitCode::Usage,
            NotHashed::Input(_) | NotHashed::Failed(_) => ExitCode::Internal,
        };
        Failure::new(code, error)
    })?;
    print(&format!("{hash}\n"))?;
    Ok(ExitCode::Success)
}

fn log_warning(problem: &Problem) {
    warn!(
        file = %problem.file().display(),
        key = problem.key(),
        problem = problem.message(),
        "configuration doubtful"
    );
}

fn print(text: &str) -> Result<(), Failure> {
    io::stdout()
        .write_all(lines(text).as_bytes())
        .map_err(Failure::internal)
}

/// Writes a line for each problem to standard error.
fn complain_about(problems: &[Problem]) {
    for problem in problems {
        complain(&problem.to_string());
    }
}

/// Writes a line to standard error. If that fails, only the exit code remains.
pub(crate) fn complain(line: &str) {
    let _ = writeln!(io::stderr(), "{}", one_line(line));
}
