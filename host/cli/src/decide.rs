//! `portcullis decide` and `portcullis access preview`: one login, through the whole path of a
//! host, without NATS.

mod access;
pub(crate) mod arguments;
mod distinct;
mod explanation;
mod inbox;
mod json;
mod login;
mod new_account;
mod path;
mod rights;
mod text;
mod words;

use portcullis_catalog::Prover;
use portcullis_config::Config;
use portcullis_core::Outcome;
use portcullis_toml::Problem;

use crate::exit::ExitCode;
use crate::output::{NotDone, Output};
use arguments::{DecideArguments, LoginArguments};
use explanation::Explanation;
use login::Login;
use path::Path;

/// Decides one login and shows each step. `prover` loads and tests the policies.
///
/// # Errors
///
/// Fails if the configuration, a policy or the login is wrong.
pub(crate) fn decide(arguments: &DecideArguments, prover: &Prover) -> Result<Output, NotDone> {
    let DecideArguments { login, claims } = arguments;
    let explanation = explain(login, prover)?;
    let text = if login.json {
        json::render(&explanation, *claims)?
    } else {
        text::render(&explanation)
    };
    let code = code(&explanation);
    Ok(Output { text, code })
}

/// Decides one login and shows what it may do, with the inbox prefix for its client. `prover` loads
/// and tests the policies.
///
/// # Errors
///
/// Fails if the configuration, a policy or the login is wrong.
pub(crate) fn preview(arguments: &LoginArguments, prover: &Prover) -> Result<Output, NotDone> {
    let explanation = explain(arguments, prover)?;
    let text = if arguments.json {
        access::render_json(&explanation)?
    } else {
        access::render(&explanation)
    };
    let code = code(&explanation);
    Ok(Output { text, code })
}

fn explain(arguments: &LoginArguments, prover: &Prover) -> Result<Explanation, NotDone> {
    let file = &arguments.config;
    let problems = |problems: portcullis_toml::Problems| {
        NotDone::Configuration(problems.into_iter().collect::<Vec<Problem>>())
    };
    let config = Config::load(file).map_err(problems)?.value;
    let secrets = config.resolve_secrets().map_err(problems)?.value;
    let login = Login::read(arguments, Some(&config.key_value))?;
    let path = Path::open(file, &config, &secrets, prover)?;
    Ok(path.explain(login)?)
}

/// Returns the exit code for the outcome of a login.
fn code(explanation: &Explanation) -> ExitCode {
    match &explanation.decision.outcome {
        Outcome::Permit(_) => ExitCode::Success,
        Outcome::Deny(denial) if denial.class.is_decided() => ExitCode::Denied,
        Outcome::Deny(_) => ExitCode::NotDecided,
    }
}
