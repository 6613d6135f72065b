//! The JWTs of an account that servers store, as opposed to those that they have loaded.

use portcullis_accounts::AccountJwt;
use portcullis_connect::Nats;
use portcullis_core::AccountName;
use portcullis_system::{Gathering, Reply, SystemClient, SystemError};

use super::version::{ServerVersion, Version};

/// The reason why the version that a server stores cannot be told.
const AMBIGUOUS: &str = "it has not loaded the account, and servers store different versions; \
                         `--load` has it load the one that it stores";

/// The JWTs of an account that servers store.
#[derive(Debug, Default)]
pub(super) struct OnDisk {
    /// Ids of the servers that store a version. A resolver in another process is among them.
    pub(super) servers: Vec<String>,
    /// Versions that they store. The answers do not name their servers.
    pub(super) versions: Vec<Version>,
}

/// Asks servers that store JWTs for what they store. A resolver in another process answers too.
pub(super) async fn on_disk(
    system: &SystemClient<impl Nats>,
    name: &AccountName,
    account: &AccountJwt,
    gathering: Gathering,
) -> Result<OnDisk, SystemError> {
    // Servers without a resolver of their own do not answer, so their number is not known.
    let gathering = Gathering {
        servers: None,
        quiet: gathering.quiet.or(Gathering::default().quiet),
        ..gathering
    };
    let (listed, found) = tokio::join!(
        system.list_claims(gathering),
        system.look_up_all_claims(name, gathering)
    );
    let replies = match listed {
        Err(SystemError::NoResponders { .. }) => return Ok(OnDisk::default()),
        listed => listed?.replies,
    };
    let found = match found {
        Err(SystemError::NoResponders { .. }) => Vec::new(),
        found => found?,
    };
    let key = account.account.as_str();
    let has_it = |reply: &Reply<Vec<String>>| match &reply.result {
        Ok(accounts) => accounts.iter().any(|account| account == key),
        Err(_) => false,
    };
    let servers = replies.into_iter().filter(has_it);
    let versions = found.iter();
    Ok(OnDisk {
        servers: servers.map(|reply| reply.server.id).collect(),
        versions: versions
            .map(|token| Version::of_token(account, token))
            .collect(),
    })
}

impl OnDisk {
    /// Sets the versions of servers that have loaded none and store one.
    pub(super) fn apply(mut self, servers: &mut [ServerVersion]) {
        let Self { servers: ids, .. } = &self;
        let (without, with): (Vec<_>, Vec<_>) = servers
            .iter_mut()
            .filter(|it| ids.contains(&it.server.id))
            .partition(|it| it.version == Version::None);
        // A server stores the version that it has loaded. The other answers are of the others.
        let mut others = self.servers.len();
        for server in with {
            let same = |version: &Version| *version == server.version;
            if let Some(at) = self.versions.iter().position(same) {
                self.versions.swap_remove(at);
                others = others.saturating_sub(1);
            }
        }
        let version = self.only_version(others);
        for server in without {
            server.version = version.clone();
        }
    }

    /// Returns the version that `number` servers store, if all of them store the same one.
    fn only_version(&self, number: usize) -> Version {
        let first = self.versions.first();
        let only = first.filter(|first| {
            self.versions.len() >= number && self.versions.iter().all(|it| it == *first)
        });
        match only {
            Some(Version::Current) => Version::Stored,
            Some(version) => version.clone(),
            None => Version::Unknown(AMBIGUOUS.to_owned()),
        }
    }
}
