//! The account and the permissions of the host's own user, and whether servers send it logins.

use std::time::{Duration, Instant};

use futures::future::join_all;
use portcullis_connect::{Nats, RequiredPermission, USER_INFO};
use portcullis_core::{AccountName, with_causes};
use portcullis_environment::{Clock, SystemClock};

use super::obstacle::Obstacle;
use crate::permissions::{UserInfo, is_vital, required_permissions};
use crate::queue_group::QueueGroup;

/// Timeout of a question to the server. Servers answer at once unless they lack the permission.
const PATIENCE: Duration = Duration::from_secs(2);
/// Delay before the host asks again about a connection with an obstacle.
const AGAIN: Duration = Duration::from_secs(10);

/// The host's own user, as the server of one connection shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnUser {
    /// The reasons for which a host with this user cannot decide logins, or servers do not ask it.
    pub obstacles: Vec<Obstacle>,
    /// The permissions that the user lacks.
    pub missing: Vec<RequiredPermission>,
}

/// Asks the server of `client` about its user, as a host of `group` does. With `discoverable`, the
/// host also answers NATS tools. `further` are the permissions that the user needs for more than
/// logins.
pub async fn inspect_own_user(
    client: &impl Nats,
    group: &QueueGroup,
    discoverable: bool,
    further: &[RequiredPermission],
) -> OwnUser {
    let clients = std::slice::from_ref(client);
    let mut identities = Identities::new(clients, group, discoverable, further);
    identities.refresh(&SystemClock).await;
    OwnUser {
        obstacles: identities.obstacles(),
        missing: identities.missing(),
    }
}

/// Asks the server of `client` which of the permissions `required` its user lacks. `None` if the
/// server does not say.
pub async fn missing_permissions(
    client: &impl Nats,
    required: &[RequiredPermission],
) -> Option<Vec<RequiredPermission>> {
    let answer = client.request(USER_INFO.into(), PATIENCE).await.ok()?;
    let info: UserInfo = serde_json::from_slice(&answer.payload).ok()?;
    // None of them is limited to a queue group.
    let lacks = required.iter().filter(|it| !info.grants(it, ""));
    Some(lacks.cloned().collect())
}

/// The host's identity on every connection.
#[derive(Debug)]
pub(super) struct Identities<N> {
    account: AccountName,
    queue_group: String,
    required: Vec<RequiredPermission>,
    connections: Vec<Identity<N>>,
}

/// The host's identity on one connection.
#[derive(Debug)]
struct Identity<N> {
    client: N,
    /// The number of connects of the client when the server was asked.
    connects: u64,
    asked_at: Option<Instant>,
    info: Option<UserInfo>,
}

impl<N: Nats> Identities<N> {
    pub(super) fn new(
        clients: &[N],
        group: &QueueGroup,
        discoverable: bool,
        further: &[RequiredPermission],
    ) -> Self {
        let inbox = clients.first().map(Nats::new_inbox).unwrap_or_default();
        let prefix = inbox
            .rsplit_once('.')
            .map_or("_INBOX", |(prefix, _)| prefix);
        let mut required = required_permissions(prefix, discoverable);
        required.extend_from_slice(further);
        let connections = clients.iter().map(|client| Identity {
            client: client.clone(),
            connects: 0,
            asked_at: None,
            info: None,
        });
        Self {
            account: group.account.clone(),
            queue_group: group.name.clone(),
            required,
            connections: connections.collect(),
        }
    }

    /// Asks on each new connection, and after [`AGAIN`] on each connection with an obstacle.
    pub(super) async fn refresh(&mut self, clock: &impl Clock) {
        let now = clock.now();
        let is_due = |identity: &Identity<N>| {
            let is_good = || self.obstacles_of(identity).is_empty();
            identity.is_up() && identity.is_due(now, is_good)
        };
        let due: Vec<_> = self.connections.iter().map(is_due).collect();
        let asked = self.connections.iter_mut().zip(due);
        join_all(asked.filter_map(|(identity, due)| due.then(|| identity.ask(clock)))).await;
    }

    /// Returns the reasons for which this host cannot decide or servers do not ask it.
    pub(super) fn obstacles(&self) -> Vec<Obstacle> {
        let mut obstacles = Vec::new();
        let asked = self
            .connections
            .iter()
            .filter(|identity| identity.asked_at.is_some());
        for obstacle in asked.flat_map(|identity| self.obstacles_of(identity)) {
            if !obstacles.contains(&obstacle) {
                obstacles.push(obstacle);
            }
        }
        obstacles
    }

    /// Returns whether the host has asked about every connection.
    pub(super) fn are_known(&self) -> bool {
        self.connections
            .iter()
            .all(|identity| identity.asked_at.is_some())
    }

    /// Returns the permissions that the user lacks on any connection.
    pub(super) fn missing(&self) -> Vec<RequiredPermission> {
        let lacks = |permission: &&RequiredPermission| {
            let mut infos = self
                .connections
                .iter()
                .filter_map(|identity| identity.info.as_ref());
            infos.any(|info| !info.grants(permission, &self.queue_group))
        };
        self.required.iter().filter(lacks).cloned().collect()
    }

    fn obstacles_of(&self, identity: &Identity<N>) -> Vec<Obstacle> {
        let Some(info) = &identity.info else {
            return vec![Obstacle::Unconfirmed];
        };
        let mut obstacles = Vec::new();
        if self.account != *info.account() {
            obstacles.push(Obstacle::WrongAccount {
                actual: info.account().to_owned(),
                expected: self.account.clone(),
            });
        }
        let lacks = self
            .required
            .iter()
            .filter(|required| is_vital(required) && !info.grants(required, &self.queue_group));
        obstacles.extend(lacks.cloned().map(Obstacle::NotPermitted));
        if !info.callout_is_on() {
            obstacles.push(Obstacle::NotAsked {
                account: info.account().to_owned(),
            });
        }
        obstacles
    }
}

impl<N: Nats> Identity<N> {
    fn is_up(&self) -> bool {
        self.client.is_connected()
    }

    /// Returns whether the host has to ask the server: at once about a new connection, at intervals
    /// about one that is not good.
    fn is_due(&self, now: Instant, is_good: impl FnOnce() -> bool) -> bool {
        let Some(asked_at) = self.asked_at else {
            return true;
        };
        self.connects != self.client.connects()
            || (now.saturating_duration_since(asked_at) >= AGAIN && !is_good())
    }

    async fn ask(&mut self, clock: &impl Clock) {
        let connects = self.client.connects();
        let answer = self.client.request(USER_INFO.into(), PATIENCE).await;
        let info = match answer {
            Ok(message) => serde_json::from_slice(&message.payload).ok(),
            // A connection that was lost meanwhile says nothing about the host. The next one is
            // asked about.
            Err(_) if !self.is_up() => return,
            Err(error) => {
                tracing::debug!(
                    error = with_causes(&error),
                    "server does not say who the host is"
                );
                None
            }
        };
        self.info = info;
        self.connects = connects;
        self.asked_at = Some(clock.now());
    }
}
