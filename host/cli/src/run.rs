//! Commands of the program, with their exit codes.

use std::io::{self, Write as _};
use std::path::Path;
use std::process;

use portcullis_catalog::ChildLimits;
use portcullis_toml::Problem;
use portcullis_toml::text::lines;

use crate::accounts;
use crate::author::test::{self, TestOptions};
use crate::author::{bench, build, lint, new, watch};
use crate::check::{check_policies, run_check};
use crate::cli::{AccessVerb, Cli, Command, ImportFrom, PolicyVerb, TokenVerb};
use crate::decide;
use crate::decisions;
use crate::doctor;
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::hash::{self, NotHashed};
use crate::import::{self, NotImported};
use crate::inspect;
use crate::lock;
use crate::manual;
use crate::output::{NotDone, Output, complain, render_json};
use crate::policy;
use crate::prove::{child_prover, prove};
use crate::token::TokenRequest;
use crate::{reload, schema, serve, system, token};

/// Runs the command line and prints its result.
pub(crate) fn run(cli: Cli) -> process::ExitCode {
    let done = match cli.command {
        Command::Serve {
            config,
            log_format,
            log_level,
        } => Ok(serve::run(&config, log_format, log_level)),
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
            Ok(ExitCode::NotFound)
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
        PolicyVerb::Watch {
            directory,
            into,
            config,
        } => watch::watch(
            &directory,
            into.as_deref(),
            config.as_deref(),
            &child_prover(),
            print,
        ),
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
