//! The service of an HTTP listener.

use std::io;
use std::net::SocketAddr;

use portcullis_http::{Closed, HttpListener, Observer};

use super::{Resolver, Shared};

impl Resolver {
    /// Serves the connections of `listener` until `shutdown` completes, then finishes the requests
    /// in progress.
    pub async fn serve(self, listener: HttpListener, shutdown: impl Future<Output = ()>) {
        let options = self.shared.options.listener();
        let router = self.router();
        listener.run(router, options, self.shared, shutdown).await;
    }
}

impl Observer for Shared {
    fn closed(&self, reason: Closed, address: SocketAddr) {
        self.counters.connection_closed(reason);
        tracing::debug!(
            connection.reason = reason.as_str(),
            client.host = %address.ip().to_canonical(),
            "resolver connection closed"
        );
    }

    fn not_accepted(&self, error: &io::Error) {
        tracing::warn!(%error, "resolver connection not accepted");
    }

    fn not_finished(&self) {
        tracing::warn!("resolver requests not finished");
    }
}
