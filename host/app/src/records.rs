//! The connection of the stream of decision records, if it has one of its own.

use std::sync::Arc;

use portcullis_config::Nats;
use portcullis_connect::ConnectionHooks;
use portcullis_core::with_causes;
use portcullis_records::StreamConnection;
use tokio::task::JoinSet;
use tracing::error;

use crate::connections::begin_connection;
use crate::health::Readiness;

/// Starts to connect to the account of the stream. Records of the stream wait meanwhile. Neither
/// logins nor other places of records do.
pub(crate) fn connect_stream(
    stream: StreamConnection,
    nats: &Nats,
    tasks: &mut JoinSet<()>,
    hooks: Arc<dyn ConnectionHooks>,
    readiness: &Readiness,
) {
    let pending = begin_connection(nats, hooks, readiness);
    tasks.spawn(async move {
        match pending.connect().await {
            Ok(connection) => {
                stream.connected(connection.client().clone());
                // The connection renews itself until its drop.
                std::future::pending::<()>().await;
            }
            Err(failed) => {
                let error = with_causes(&failed);
                error!(
                    records.sink = "stream",
                    error, "the stream of decision records is given up"
                );
            }
        }
    });
}
