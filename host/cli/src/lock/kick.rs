//! Closing the open connections that a lock concerns, as a user of the system account.

use std::mem;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use portcullis_authority::LockTarget;
use portcullis_config::Config;
use portcullis_connect::{
    Authentication, Connection, ConnectionOptions, Nats, Retries, SecretSource, connect,
};
use portcullis_system::{ConnectionInfo, ConnzRequest, SystemClient, SystemError};
use tokio::time::sleep;

use super::bucket::Bucket;
use super::matching::{Matching, Relation, Spared, account_of};
use crate::failure::Failure;
use crate::system::{GatheringArguments, NamedServer, at_server, find_all};

/// Maximum number of times that the command looks for connections. A client that is closed before
/// every host knows the lock can come back once, and a page of connections can hide some.
const PASSES: usize = 5;

/// Time between two looks. Hosts receive a lock within milliseconds.
const PAUSE: Duration = Duration::from_millis(500);

/// The arguments about the connections that are open when a lock is added.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub(crate) struct KickArguments {
    /// Leave open connections open.
    #[arg(long)]
    no_kick: bool,
    /// The credentials file of a user of the system account, who closes the open connections that
    /// the lock concerns. Default: the login of the table `[system]` of the configuration.
    #[arg(long, value_name = "FILE", group = "system_login")]
    system_creds: Option<PathBuf>,
    /// The file with the user seed (SU…) of such a user.
    #[arg(long, value_name = "FILE", group = "system_login")]
    system_nkey_seed_file: Option<PathBuf>,
    /// The name of such a user.
    #[arg(
        long,
        value_name = "NAME",
        group = "system_login",
        requires = "system_password_file"
    )]
    system_user: Option<String>,
    /// The file with the password of this user.
    #[arg(long, value_name = "FILE", requires = "system_user")]
    system_password_file: Option<PathBuf>,
    #[command(flatten)]
    gathering: GatheringArguments,
}

/// What happened to the connections that were open.
#[derive(Debug)]
pub(super) enum Kicked {
    /// The command was told to leave them open.
    NotWanted,
    /// No user of the system account is named.
    NoLogin,
    /// The command looked for them.
    Looked(Box<Looked>),
    /// No look was possible.
    Failed(Failure),
}

/// The result of a look for the connections that a lock concerns.
#[derive(Debug, Default)]
pub(super) struct Looked {
    /// The closed connections.
    pub(super) closed: Vec<Found>,
    /// Number of connections of which servers do not show whether the lock concerns them.
    pub(super) unclear: usize,
    /// Whether the last look still found a connection to close.
    pub(super) come_back: bool,
    /// The servers that were asked.
    pub(super) asked: Vec<NamedServer>,
    /// The servers that did not answer, or no longer.
    pub(super) silent: Vec<NamedServer>,
    /// Fewer servers than expected, or the first order that a server did not obey.
    pub(super) failure: Option<Failure>,
}

/// An open connection, at its server.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) server: NamedServer,
    pub(super) connection: ConnectionInfo,
}

/// The id of a server, and the number of a connection there.
type Place = (String, u64);

/// The connections of this command.
struct Own {
    system: Place,
    bucket: Place,
}

/// Closes the open connections that the lock concerns.
pub(super) async fn kick(
    config: &Config,
    bucket: &Bucket,
    target: &LockTarget,
    arguments: KickArguments,
) -> Kicked {
    if arguments.no_kick {
        return Kicked::NotWanted;
    }
    let gathering = arguments.gathering;
    let Some(options) = arguments.options(config) else {
        return Kicked::NoLogin;
    };
    match try_kick(config, bucket, target, &options, gathering).await {
        Ok(looked) => Kicked::Looked(Box::new(looked)),
        Err(failure) => Kicked::Failed(failure),
    }
}

async fn try_kick(
    config: &Config,
    bucket: &Bucket,
    target: &LockTarget,
    options: &ConnectionOptions,
    gathering: GatheringArguments,
) -> Result<Looked, Failure> {
    let connection = connect(options).await?;
    let system = SystemClient::new(connection.client().clone());
    let found = find_all(&system, gathering).await?;
    let own = Own {
        system: place_of(&connection),
        bucket: place_of(&bucket.connection),
    };
    let mut looked = Looked {
        asked: found.answered,
        silent: found.silent,
        failure: found.shortage,
        ..Looked::default()
    };
    let come_back = look_again(PAUSE, async || {
        let open = open_connections(&system, &mut looked).await;
        let mut spared = Spared::of_hosts(config);
        spared.accounts.extend(own.system_account(&open));
        let matching = Matching::new(config, target, spared);
        let concerned = own.sort(open, &matching, &mut looked);
        let has_found = !concerned.is_empty();
        close(&system, concerned, &mut looked).await;
        has_found
    });
    let come_back = come_back.await;
    Ok(Looked {
        come_back,
        ..looked
    })
}

/// Looks until a look after the first finds nothing, for at most [`PASSES`] times. Returns whether
/// the last look has found something. The first look can miss a login that a host just admitted.
async fn look_again(pause: Duration, mut look: impl AsyncFnMut() -> bool) -> bool {
    let mut has_found = look().await;
    for _ in 1..PASSES {
        sleep(pause).await;
        has_found = look().await;
        if !has_found {
            break;
        }
    }
    has_found
}

/// Orders servers to close connections.
async fn close(system: &SystemClient<impl Nats>, concerned: Vec<Found>, looked: &mut Looked) {
    for found in concerned {
        match system.kick(&found.server.id, found.connection.cid).await {
            Ok(()) => looked.closed.push(found),
            // The client has left in the meantime.
            Err(SystemError::Reply { .. }) => {}
            Err(error) => {
                looked
                    .failure
                    .get_or_insert(at_server(&found.server, error));
            }
        }
    }
}

/// Returns all open connections of the servers that answer. One that does not is not asked again.
async fn open_connections(system: &SystemClient<impl Nats>, looked: &mut Looked) -> Vec<Found> {
    let request = ConnzRequest::default();
    let mut open = Vec::new();
    for server in mem::take(&mut looked.asked) {
        match system.connections(&server.id, &request).await {
            Ok(connections) => {
                let found = connections.into_iter().map(|connection| Found {
                    server: server.clone(),
                    connection,
                });
                open.extend(found);
                looked.asked.push(server);
            }
            Err(SystemError::NoAnswer { .. } | SystemError::NoResponders { .. }) => {
                looked.silent.push(server);
            }
            Err(error) => {
                looked.failure.get_or_insert(at_server(&server, error));
                looked.asked.push(server);
            }
        }
    }
    open
}

/// Returns the place of a connection of this command.
fn place_of(connection: &Connection) -> Place {
    let server = connection.client().server_info();
    (server.server_id, server.client_id)
}

impl Own {
    /// Returns the system account, in which no policy places logins.
    fn system_account(&self, open: &[Found]) -> Option<String> {
        let own = open.iter().find(|found| found.place() == self.system)?;
        Some(account_of(&own.connection).to_owned())
    }

    /// Returns the connections that the lock concerns, without those of this command. Counts those
    /// of which servers do not show it.
    fn sort(&self, open: Vec<Found>, matching: &Matching, looked: &mut Looked) -> Vec<Found> {
        looked.unclear = 0;
        let mut concerned = Vec::new();
        for found in open {
            let place = found.place();
            if place == self.system || place == self.bucket {
                continue;
            }
            match matching.relation(&found.connection) {
                Relation::Concerned => concerned.push(found),
                Relation::Unclear => looked.unclear = looked.unclear.saturating_add(1),
                Relation::Other | Relation::Spared => {}
            }
        }
        concerned
    }
}

impl Found {
    fn place(&self) -> Place {
        (self.server.id.to_string(), self.connection.cid)
    }
}

impl KickArguments {
    /// Returns the options of the connection to the system account. `None` if neither the arguments
    /// nor the configuration have a login.
    fn options(self, config: &Config) -> Option<ConnectionOptions> {
        let table = config.system.as_deref();
        let login = self.login();
        if login.is_none() && table.is_none() {
            return None;
        }
        let mut options = ConnectionOptions::from(table.unwrap_or(&config.nats));
        "portcullis-lock".clone_into(&mut options.name);
        options.retries = Retries::Times(0);
        if let Some(login) = login {
            options.authentication = login;
            // The prefix of the configuration is that of its own user.
            options.inbox_prefix = None;
        }
        Some(options)
    }

    fn login(self) -> Option<Authentication> {
        let file = SecretSource::File;
        if let Some(creds) = self.system_creds {
            return Some(Authentication::Credentials(file(creds)));
        }
        if let Some(seed) = self.system_nkey_seed_file {
            return Some(Authentication::Nkey(file(seed)));
        }
        let (user, password) = self.system_user.zip(self.system_password_file)?;
        Some(Authentication::Password {
            user,
            password: file(password),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the number of looks that find these things, and whether the last one found any.
    async fn looks(found: &[bool]) -> (usize, bool) {
        let mut looks = 0;
        let last = look_again(Duration::ZERO, async || {
            let found = found.get(looks).copied().unwrap_or_default();
            looks += 1;
            found
        });
        let last = last.await;
        (looks, last)
    }

    #[tokio::test]
    async fn a_login_that_the_first_look_misses_is_found() {
        assert_eq!(looks(&[]).await, (2, false));
        assert_eq!(looks(&[false, true]).await, (3, false));
        assert_eq!(looks(&[true]).await, (2, false));
        assert_eq!(looks(&[true; PASSES]).await, (PASSES, true));
    }
}
