//! `portcullis account status`: the version of an account's JWT that each server has.

mod on_disk;
mod version;

use std::fmt::Write as _;
use std::time::{Duration, UNIX_EPOCH};

use clap::Args;
use portcullis_accounts::AccountJwt;
use portcullis_connect::{Nats, connect};
use portcullis_core::AccountName;
use portcullis_system::{
    Accountz, AccountzRequest, Gathered, GatheringEnd, ServerFilter, SystemClient,
};
use portcullis_toml::text::one_line;
use serde_json::{Value, json};

use super::push::NAME;
use super::report::{Report, StoreArguments, failure};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::output::Output;
use crate::runtime::one_thread;
use crate::servers::ServerArguments;
use crate::system::table::{self, Align};
use crate::system::{GatheringArguments, failed};
use on_disk::on_disk;
use version::{ServerVersion, Version};

/// The servers that have to have a version, and the end of the wait for their answers.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub(crate) struct StatusArguments {
    #[command(flatten)]
    servers: ServerArguments,
    #[command(flatten)]
    gathering: GatheringArguments,
    /// Have servers that have not loaded the account look it up, as the login of one of its users
    /// would.
    #[arg(long, requires = "server")]
    load: bool,
    /// Accept servers that have no version: they look the account up when one of its users logs in.
    #[arg(long, requires = "server")]
    allow_none: bool,
}

/// The versions that the servers of a system have.
#[derive(Debug)]
pub(super) struct Status {
    account: AccountJwt,
    servers: Vec<ServerVersion>,
    end: GatheringEnd,
    /// Failure because fewer servers answered than expected.
    missing: Option<Failure>,
    allow_none: bool,
}

/// Prints the version of each server.
///
/// # Errors
///
/// Fails if the store does not have the account, or if no server answers.
pub(super) fn run(
    store: &StoreArguments,
    account: &str,
    arguments: &StatusArguments,
) -> Result<Output, Failure> {
    let found = store.open().account(account).map_err(failure)?;
    let status = ask(arguments, found)?;
    let code = status.code();
    status.report().with_code(code).output(store.json)
}

impl StatusArguments {
    /// Returns whether the command names a server.
    pub(super) const fn is_given(&self) -> bool {
        self.servers.is_given()
    }
}

/// Asks the servers for their version of `account`.
///
/// # Errors
///
/// Fails if no server is named, or none answers.
pub(super) fn ask(arguments: &StatusArguments, account: AccountJwt) -> Result<Status, Failure> {
    let options = arguments.servers.required(NAME)?;
    let name = account.account.as_str().parse();
    let name: AccountName = name.map_err(Failure::internal)?;
    let gathering = arguments.gathering;
    one_thread()?.block_on(async {
        let connection = connect(&options).await?;
        let system = SystemClient::new(connection.client().clone());
        let mut status = loaded(&system, &name, account.clone(), arguments).await?;
        if arguments.load && status.has_none() {
            let looked_up = system.load_account(&name, gathering.end()).await;
            looked_up.map_err(failed)?;
            status = loaded(&system, &name, account, arguments).await?;
        }
        if status.has_none() {
            let on_disk = on_disk(&system, &name, &status.account, gathering.end()).await;
            on_disk.map_err(failed)?.apply(&mut status.servers);
        }
        Ok(status)
    })
}

/// Asks the servers for the version that they have loaded.
async fn loaded(
    system: &SystemClient<impl Nats>,
    name: &AccountName,
    account: AccountJwt,
    arguments: &StatusArguments,
) -> Result<Status, Failure> {
    let gathering = arguments.gathering;
    let request = AccountzRequest {
        account: Some(name.clone()),
    };
    let all = ServerFilter::default();
    let gathered = system.ask_all(&request, &all, gathering.end()).await;
    let gathered = gathered.map_err(failed)?;
    let missing = gathering.check(&gathered).err();
    if gathered.replies.is_empty() {
        // `check` always fails without an answer.
        return Err(missing.unwrap_or_else(|| {
            Failure::new(ExitCode::Unreachable, anyhow::anyhow!("no server answered"))
        }));
    }
    Ok(Status {
        end: gathered.end,
        servers: versions(&account, gathered),
        account,
        missing,
        allow_none: arguments.allow_none,
    })
}

/// Returns the version that each server has loaded, in the order of their names.
fn versions(account: &AccountJwt, gathered: Gathered<Accountz>) -> Vec<ServerVersion> {
    let replies = gathered.replies.into_iter();
    let mut servers: Vec<_> = replies
        .map(|reply| ServerVersion {
            version: Version::of_reply(account, &reply),
            server: reply.server,
        })
        .collect();
    servers.sort_by(|a, b| (&a.server.name, &a.server.id).cmp(&(&b.server.name, &b.server.id)));
    servers
}

impl Status {
    /// Returns the exit code: whether every expected server has answered, and has the version.
    fn code(&self) -> ExitCode {
        match &self.missing {
            Some(missing) => missing.code(),
            None if self.behind().is_empty() => ExitCode::Success,
            None => ExitCode::NotCurrent,
        }
    }

    /// Fails unless every expected server has answered and has the version.
    ///
    /// # Errors
    ///
    /// Fails with the names of the servers that do not have it.
    pub(super) fn require(self) -> Result<(), Failure> {
        let code = self.code();
        if code == ExitCode::Success {
            return Ok(());
        }
        let problem = self.conclusion().trim_end().replace('\n', "; ");
        Err(Failure::new(code, anyhow::Error::msg(problem)))
    }

    /// Returns whether a server has loaded no version.
    fn has_none(&self) -> bool {
        self.servers.iter().any(|it| it.version == Version::None)
    }

    /// Returns the servers that do not have the stored version.
    fn behind(&self) -> Vec<&ServerVersion> {
        let has_it = |version: &Version| match version {
            Version::Current | Version::Stored => true,
            Version::None => self.allow_none,
            Version::Older(_) | Version::Later(_) | Version::Unknown(_) => false,
        };
        let servers = self.servers.iter();
        servers.filter(|it| !has_it(&it.version)).collect()
    }

    fn report(&self) -> Report {
        let mut text = table::render(
            [
                ("SERVER", Align::Left),
                ("RELEASE", Align::Left),
                ("CLUSTER", Align::Left),
                ("VERSION", Align::Left),
                ("ISSUED", Align::Left),
            ],
            &self.rows(),
        );
        text.push('\n');
        text.push_str(&self.conclusion());
        Report::new(text, self.json())
    }

    fn rows(&self) -> Vec<[String; 5]> {
        let servers = self.servers.iter();
        let row = |ServerVersion { server, version }: &ServerVersion| {
            let issued = version.issued(&self.account);
            [
                server.name.clone(),
                server.version.clone(),
                server.cluster.clone().unwrap_or_default(),
                version.word().to_owned(),
                issued.map(|issued| time(issued.at)).unwrap_or_default(),
            ]
        };
        servers.map(row).collect()
    }

    /// Returns lines about what the answers mean, and what to do.
    fn conclusion(&self) -> String {
        let name = self.account.claims.name.as_deref().unwrap_or_default();
        let name = one_line(name);
        let mut text = String::new();
        for ServerVersion { server, version } in &self.servers {
            if let Version::Unknown(reason) = version {
                // Writing to a string does not fail.
                let _ = writeln!(text, "server `{}`: {reason}", server.name);
            }
        }
        let (behind, answered) = (self.behind(), self.servers.len());
        let has = |wanted: fn(&Version) -> bool| behind.iter().any(|it| wanted(&it.version));
        if behind.is_empty() {
            let none = if self.has_none() { ", or none" } else { "" };
            let _ = writeln!(
                text,
                "every server that answered ({answered}) has the stored version of `{name}`{none}"
            );
        } else {
            let names: Vec<_> = behind.iter().map(|it| it.server.name.as_str()).collect();
            let _ = writeln!(
                text,
                "without the stored version of `{name}`: `{}` ({} of {answered} servers that answered)",
                names.join("`, `"),
                behind.len()
            );
        }
        if has(|version| matches!(version, Version::Older(_) | Version::Unknown(_))) {
            let _ = writeln!(
                text,
                "`portcullis account push {name}` sends it; a server with `resolver: MEMORY` reads \
                 what `account preload` prints when it starts or reloads"
            );
        }
        if has(|version| matches!(version, Version::Later(_))) {
            text.push_str(
                "a server has a version that the store does not: another program signed it\n",
            );
        }
        if has(|version| *version == Version::None) {
            text.push_str(
                "a server without a version looks the account up when a user logs in; `--load` has it \
                 do so now, `--allow-none` accepts that\n",
            );
        }
        if let Some(missing) = &self.missing {
            let _ = writeln!(text, "{missing}");
        }
        text
    }

    fn json(&self) -> Value {
        let servers = self.servers.iter().map(|it| it.json(&self.account));
        let end = match self.end {
            GatheringEnd::Complete => "complete",
            GatheringEnd::Quiet => "quiet",
            GatheringEnd::TimedOut => "timed-out",
        };
        json!({
            "kind": "account",
            "name": self.account.claims.name,
            "key": self.account.account.as_str(),
            "issued_at": self.account.issued_at(),
            "jti": self.account.claims.id,
            "has_all": self.code() == ExitCode::Success,
            "end": end,
            "servers": servers.collect::<Vec<_>>(),
        })
    }
}

fn time(seconds: u64) -> String {
    let time = UNIX_EPOCH.checked_add(Duration::from_secs(seconds));
    humantime::format_rfc3339_seconds(time.unwrap_or(UNIX_EPOCH)).to_string()
}

#[cfg(test)]
mod tests;
