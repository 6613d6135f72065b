//! Log lines about the host's connections that are specific to the host.

use portcullis_connect::{ConnectionHooks, ConnectionTrouble, LogConnections};

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
