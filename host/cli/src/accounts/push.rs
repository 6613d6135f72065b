//! Servers that are told of a change of the store.

use std::fmt;
use std::time::Duration;

use portcullis_accounts::{AccountJwt, Store};
use portcullis_connect::{ConnectionOptions, Retries, connect};
use portcullis_core::with_causes;
use portcullis_system::{ClaimStatus, Gathered, Gathering, SystemClient};
use serde_json::{Value, json};

use super::report::{failure, now};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::runtime::one_thread;
use crate::servers::ServerArguments;

/// Name of the connection.
pub(super) const NAME: &str = "portcullis-account";
/// Time after the last answer in which another server may answer, and the limit for all of them.
const QUIET: Duration = Duration::from_millis(500);
const TOTAL: Duration = Duration::from_secs(5);

/// The answer of each server, after its name.
#[derive(Debug, Default)]
pub(super) struct Answers(Vec<(String, String)>);

/// A request to the servers.
enum Request<'a> {
    /// Take this version of an account.
    Update(&'a AccountJwt),
    /// Delete accounts, as a JWT of the operator says.
    Delete(String),
}

/// Has the servers take the stored version of an account. Those that store JWTs store it, and all
/// apply it to connected users. No answers without a server.
///
/// # Errors
///
/// Fails if no server answers, or if one refuses.
pub(super) fn update(servers: &ServerArguments, account: &AccountJwt) -> Result<Answers, Failure> {
    let options = servers.connection(NAME);
    options.map_or_else(
        || Ok(Answers::default()),
        |options| ask(options, Request::Update(account)),
    )
}

/// Has the servers delete an account of `store`. No answers without a server.
///
/// # Errors
///
/// Fails if no server answers, or if one refuses, and if the seed of the operator is missing.
pub(super) fn delete(
    servers: &ServerArguments,
    store: &Store,
    account: &AccountJwt,
) -> Result<Answers, Failure> {
    let Some(options) = servers.connection(NAME) else {
        return Ok(Answers::default());
    };
    let request = store.sign_deletion(&[&account.account], now());
    let answers = ask(options, Request::Delete(request.map_err(failure)?));
    answers.map_err(|error| {
        error.context("the servers do not delete the account, so the store keeps it".to_owned())
    })
}

fn ask(mut options: ConnectionOptions, request: Request<'_>) -> Result<Answers, Failure> {
    options.retries = Retries::Times(0);
    let runtime = one_thread()?;
    let gathered = runtime.block_on(async {
        let connection = connect(&options).await?;
        let system = SystemClient::new(connection.client().clone());
        let gathering = Gathering::until_quiet(QUIET, TOTAL);
        let gathered = match request {
            Request::Update(jwt) => {
                let account = jwt.account.as_str().parse().map_err(Failure::internal)?;
                system.update_account(&account, &jwt.token, gathering).await
            }
            Request::Delete(token) => system.delete_claims(&token, gathering).await,
        };
        gathered.map_err(|error| Failure::new(ExitCode::Unreachable, error))
    });
    Answers::new(gathered?)
}

impl Answers {
    /// Returns the answers, if there is one and none refuses.
    fn new(gathered: Gathered<ClaimStatus>) -> Result<Self, Failure> {
        let mut answers = Vec::new();
        for reply in gathered.replies {
            let server = reply.server.name;
            match reply.result {
                Ok(status) => answers.push((server, status.message)),
                Err(error) => {
                    let problem = anyhow::anyhow!("server `{server}`: {}", with_causes(&error));
                    return Err(Failure::new(ExitCode::Refused, problem));
                }
            }
        }
        if answers.is_empty() {
            let problem = anyhow::anyhow!("no server answered: is the user in the system account?");
            return Err(Failure::new(ExitCode::Unreachable, problem));
        }
        Ok(Self(answers))
    }

    /// Returns the answers as JSON.
    pub(super) fn json(&self) -> Value {
        let answers = self.0.iter();
        answers
            .map(|(server, answer)| json!({ "server": server, "answer": answer }))
            .collect()
    }
}

/// Writes a line for each server.
impl fmt::Display for Answers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (server, answer) in &self.0 {
            writeln!(formatter, "server `{server}`: {answer}")?;
        }
        Ok(())
    }
}
