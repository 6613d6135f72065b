//! The host's connections: those that do not carry logins, and the log lines that only the host
//! has.

use std::sync::Arc;

use portcullis_config::Nats;
use portcullis_connect::{
    ConnectionHooks, ConnectionOptions, ConnectionTrouble, LogConnections, PendingConnection,
};

use crate::health::Readiness;

/// Returns a connection that is to be made, and adds its metrics.
pub(crate) fn begin_connection(
    nats: &Nats,
    hooks: Arc<dyn ConnectionHooks>,
    readiness: &Readiness,
) -> PendingConnection {
    let pending = PendingConnection::new(connection_options(nats, hooks));
    add_samples(&pending, readiness);
    pending
}

/// Returns the connections that `nats` describes and that are to be made, and adds their metrics.
pub(crate) fn begin_connections(
    nats: &Nats,
    hooks: Arc<dyn ConnectionHooks>,
    readiness: &Readiness,
) -> Vec<PendingConnection> {
    let pending = PendingConnection::several(&connection_options(nats, hooks), nats.connections);
    for connection in &pending {
        add_samples(connection, readiness);
    }
    pending
}

/// Returns the options of the host's connections.
pub(crate) fn connection_options(
    nats: &Nats,
    hooks: Arc<dyn ConnectionHooks>,
) -> ConnectionOptions {
    ConnectionOptions {
        hooks,
        ..ConnectionOptions::from(nats)
    }
}

fn add_samples(pending: &PendingConnection, readiness: &Readiness) {
    let status = pending.status();
    readiness.add_samples(move || status.samples());
}

/// The hooks of the host's connections, which log events in the operator's terms.
#[derive(Clone, Copy, Debug, Default)]
pub struct LogHostConnections;

impl ConnectionHooks for LogHostConnections {
    fn error(&self, connection: &str, trouble: &ConnectionTrouble) {
        match trouble {
            ConnectionTrouble::Refused { address } => tracing::error!(
                nats.connection = connection,
                nats.address = address,
                error = format!(
                    "`{address}` refuses the login: the user must be one of its `auth_users`, with credentials that are valid now"
                ),
                "nats login refused"
            ),
            ConnectionTrouble::SlowConsumer { subscription } => tracing::error!(
                nats.connection = connection,
                nats.subscription = subscription,
                "requests lost: they arrived faster than they were read"
            ),
            other => LogConnections.error(connection, other),
        }
    }

    fn shared_inbox(&self, connection: &str) {
        tracing::warn!(
            nats.connection = connection,
            "permissions allow no inbox but `_INBOX.>`, which other users of the account may read: set `inbox-prefix` and allow it"
        );
    }
}
