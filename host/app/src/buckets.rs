//! Mirroring of the key-value buckets while the service runs.

use std::sync::Arc;

use futures::future::try_join_all;
use portcullis_config::Nats;
use portcullis_connect::{ConnectError, Connection, ConnectionHooks, PendingConnection};
use portcullis_core::with_causes;
use portcullis_mirror::{KeyValueFollowers, KeyValueMirror};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tracing::{error, warn};

use crate::connections::begin_connections;
use crate::error::RunError;
use crate::health::Readiness;

/// The buckets and their connections.
pub(crate) struct Buckets {
    pub(crate) mirror: KeyValueMirror,
    /// Table `[key-value.nats]`: the connection to the account of the buckets. `None` selects the
    /// connections of the service.
    pub(crate) nats: Option<Box<Nats>>,
    /// Receiver of events of those connections.
    pub(crate) hooks: Arc<dyn ConnectionHooks>,
}

/// The tasks that keep the buckets up to date. They end when this value is dropped.
pub(crate) struct Following {
    _shared: Option<KeyValueFollowers>,
    _own: JoinSet<()>,
}

impl Buckets {
    /// Starts to mirror the buckets, over connections of their own if configured, otherwise over
    /// `service`. Waits until each bucket has been tried once. Waits for the first of the buckets'
    /// own connections only for the time of one attempt. Logins that need no bucket do not depend
    /// on it.
    ///
    /// # Errors
    ///
    /// Fails if connections of their own are configured and can never be made.
    pub(crate) async fn follow(
        self,
        service: &[Connection],
        readiness: &Readiness,
    ) -> Result<Following, RunError> {
        let mut own = JoinSet::new();
        let Some(nats) = self.nats else {
            let shared = self.mirror.follow(service).await;
            return Ok(Following {
                _shared: Some(shared),
                _own: own,
            });
        };
        let wait = nats.connect_timeout;
        let servers: Vec<_> = nats.servers.iter().map(ToString::to_string).collect();
        let pending = begin_connections(&nats, self.hooks, readiness);
        let (tried, mut first) = oneshot::channel();
        own.spawn(follow_own(self.mirror, pending, tried));
        tokio::select! {
            tried = &mut first => match tried {
                Ok(tried) => tried?,
                Err(_) => return Err(RunError::Buckets),
            },
            () = tokio::time::sleep(wait) => warn!(
                nats.servers = servers.join(","),
                "servers of the key-value buckets not reached yet: look-ups fail"
            ),
        }
        Ok(Following {
            _shared: None,
            _own: own,
        })
    }
}

/// Makes the connections and mirrors the buckets over them for ever. Sends the result of the first
/// attempt to `tried`.
async fn follow_own(
    mirror: KeyValueMirror,
    pending: Vec<PendingConnection>,
    tried: oneshot::Sender<Result<(), ConnectError>>,
) {
    let connecting = try_join_all(pending.into_iter().map(PendingConnection::connect));
    let connections = match connecting.await {
        Ok(connections) => connections,
        Err(failed) => {
            if let Err(Err(failed)) = tried.send(Err(failed)) {
                let error = with_causes(&failed);
                error!(error, "key-value buckets are given up: look-ups fail");
            }
            return;
        }
    };
    let _followers = mirror.follow(&connections).await;
    // Sending fails if the service no longer waits.
    let _ = tried.send(Ok(()));
    std::future::pending::<()>().await;
}
