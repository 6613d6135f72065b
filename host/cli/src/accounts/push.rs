//! Servers that are told of a change of the store.

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroUsize;
use std::time::Duration;

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use portcullis_accounts::{AccountJwt, Store};
use portcullis_connect::{Nats, connect};
use portcullis_core::{PublicKey, with_causes};
use portcullis_system::{ClaimStatus, Gathered, Gathering, SystemClient, SystemError};
use portcullis_toml::text::one_line;
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
/// Maximum number of accounts that servers look up at the same time.
const MAX_LOOKUPS: usize = 64;

/// The answer of each server, after its name.
#[derive(Debug, Default)]
pub(super) struct Answers(Vec<(String, String)>);

/// Has the servers take the stored versions of accounts, one after the other over one connection.
/// Those that store JWTs store them, and all apply them to connected users. Returns the answers
/// about each account, or the failure: no server answers, or one refuses.
///
/// # Errors
///
/// Fails if no server is named, or no connection is made.
pub(super) fn update(
    servers: &ServerArguments,
    accounts: &[AccountJwt],
) -> Result<Vec<Result<Answers, Failure>>, Failure> {
    let options = servers.required(NAME)?;
    one_thread()?.block_on(async {
        let connection = connect(&options).await?;
        let system = SystemClient::new(connection.client().clone());
        let mut gathering = Gathering::until_quiet(QUIET, TOTAL);
        let versions = issued_at_servers(&system, accounts).await?;
        let mut all = Vec::new();
        for account in accounts {
            let name = account.account.as_str().parse();
            let name = name.map_err(Failure::internal)?;
            let key = &account.account;
            if versions.get(key).is_some_and(|at| *at > account.issued_at()) {
                let problem = anyhow::anyhow!(
                    "a server has a later version of `{key}`, and an earlier one would undo revocations: `portcullis account pull {key}` fetches it"
                );
                all.push(Err(Failure::new(ExitCode::NotCurrent, problem)));
                continue;
            }
            let gathered = system
                .update_account(&name, &account.token, gathering)
                .await;
            let answers = gathered.map_err(unreachable).and_then(Answers::new);
            if let Ok(answers) = &answers {
                // With the number of servers known, the next wait ends with the last answer.
                gathering.servers = NonZeroUsize::new(answers.0.len());
            }
            all.push(answers);
        }
        Ok(all)
    })
}

/// Returns the times of issue of the versions of `accounts` at servers with a full resolver. Such a
/// server takes an earlier version without a word, which undoes revocations.
async fn issued_at_servers(
    system: &SystemClient<impl Nats>,
    accounts: &[AccountJwt],
) -> Result<BTreeMap<PublicKey, u64>, Failure> {
    let look_up = async |account: &AccountJwt| {
        let latest = match newest(system, account.account.as_str()).await {
            // No server has a full resolver.
            Err(SystemError::NoResponders { .. }) => None,
            found => found.map_err(unreachable)?,
        };
        let issued = latest.as_deref().and_then(issued_at).unwrap_or_default();
        Ok::<_, Failure>((account.account.clone(), issued))
    };
    // Each lookup waits for the slowest server.
    stream::iter(accounts)
        .map(look_up)
        .buffer_unordered(MAX_LOOKUPS)
        .try_collect()
        .await
}

/// Returns the latest of the JWTs that servers with a full resolver have of an account.
///
/// # Errors
///
/// Fails if no server has a full resolver, or if the connection is closed for good.
pub(super) async fn newest(
    system: &SystemClient<impl Nats>,
    account: &str,
) -> Result<Option<String>, SystemError> {
    let Ok(name) = account.parse() else {
        return Ok(None);
    };
    let gathering = Gathering::until_quiet(QUIET, TOTAL);
    let tokens = system.look_up_all_claims(&name, gathering).await?;
    Ok(tokens.into_iter().max_by_key(|token| issued_at(token)))
}

fn issued_at(token: &str) -> Option<u64> {
    AccountJwt::decode(token).ok().map(|jwt| jwt.issued_at())
}

/// Has the servers delete an account, whose version in `store` was issued at `issued_at`. Returns
/// no answers without a server.
///
/// # Errors
///
/// Fails if no server answers, or if one refuses, and if the seed of the operator is missing.
pub(super) fn delete(
    servers: &ServerArguments,
    store: &Store,
    account: &PublicKey,
    issued_at: u64,
) -> Result<Answers, Failure> {
    if !servers.is_given() {
        return Ok(Answers::default());
    }
    let options = servers.required(NAME)?;
    // A resolver refuses a request that is earlier than the account: it can be a replay.
    let time = now().max(issued_at);
    let request = store.sign_deletion(&[account], time);
    let request = request.map_err(failure)?;
    let gathered = one_thread()?.block_on(async {
        let connection = connect(&options).await?;
        let system = SystemClient::new(connection.client().clone());
        let gathering = Gathering::until_quiet(QUIET, TOTAL);
        let gathered = system.delete_claims(&request, gathering).await;
        gathered.map_err(unreachable)
    });
    let answers = gathered.and_then(Answers::new);
    answers.map_err(|error| {
        error.context("not every server deletes the account, so the store keeps it".to_owned())
    })
}

fn unreachable(error: SystemError) -> Failure {
    Failure::new(ExitCode::Unreachable, error)
}

impl Answers {
    /// Returns the answers, if there is one and none refuses.
    fn new(gathered: Gathered<ClaimStatus>) -> Result<Self, Failure> {
        let (mut answers, mut refusals) = (Vec::new(), Vec::new());
        for reply in gathered.replies {
            let server = reply.server.name;
            match reply.result {
                Ok(status) => answers.push((server, status.message)),
                Err(error) => {
                    let error = with_causes(&error);
                    refusals.push(format!("server `{server}`: {error}"));
                }
            }
        }
        if !refusals.is_empty() {
            // The others have done what this one refuses.
            let others = answers.iter();
            let others = others.map(|(server, answer)| format!("server `{server}`: {answer}"));
            let all = refusals.into_iter().chain(others).collect::<Vec<_>>();
            let problem = anyhow::anyhow!("{}", one_line(&all.join("; ")));
            return Err(Failure::new(ExitCode::Refused, problem));
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
            let (server, answer) = (one_line(server), one_line(answer));
            writeln!(formatter, "server `{server}`: {answer}")?;
        }
        Ok(())
    }
}
