//! The service of a listener, with counts and log lines of its connections.

use std::io;
use std::net::SocketAddr;

use portcullis_core::Authorizer;
use portcullis_environment::Clock;
use portcullis_http::{Closed, HttpListener, Observer};

use crate::exchange::Exchange;
use crate::shared::Shared;

impl<A: Authorizer, C: Clock + Clone> Exchange<A, C> {
    /// Serves the connections of `listener` until `shutdown` completes, then finishes the requests
    /// in progress.
    pub async fn serve(self, listener: HttpListener, shutdown: impl Future<Output = ()>) {
        let options = self.shared.options.listener();
        let router = self.router();
        listener.run(router, options, self.shared, shutdown).await;
    }
}

impl<A: Authorizer, C: Clock + Clone> Observer for Shared<A, C> {
    fn closed(&self, reason: Closed, address: SocketAddr) {
        self.counters.connection_closed(reason);
        let now = self.clock.now();
        self.refusals.connection(reason, address.ip(), now);
    }

    fn not_accepted(&self, error: &io::Error) {
        tracing::warn!(%error, "exchange connection not accepted");
    }

    fn not_finished(&self) {
        tracing::warn!("exchange requests not finished");
    }
}
