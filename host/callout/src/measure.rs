//! The cost of a request without NATS, for benchmarks only, behind the feature `measure`.

use std::sync::Arc;
use std::time::Instant;

use async_nats::HeaderMap;
use bytes::Bytes;
use portcullis_core::{Authorizer, Decision, with_causes};

use crate::handle::Handler;
use crate::options::ServiceOptions;

/// A service without connections, for benchmarks.
#[derive(Debug)]
pub struct Handling<A>(Handler<A>);

impl<A: Authorizer> Handling<A> {
    /// Creates a service that answers as `authorizer` decides.
    pub fn new(authorizer: A, options: ServiceOptions) -> Self {
        Self(Handler::new(authorizer, options, Arc::default()))
    }

    /// Opens, identifies, decides and seals as a service does. Returns the response, the decision,
    /// and the times at which the request was opened, decided and sealed. The response is `None` if
    /// it cannot be made.
    ///
    /// # Errors
    ///
    /// Fails if the request is not decided.
    pub async fn handle(
        &self,
        payload: &Bytes,
        headers: Option<&HeaderMap>,
    ) -> Result<(Option<Bytes>, Decision, [Instant; 3]), String> {
        let handled = self.0.measured(payload, headers).await;
        handled.map_err(|refused| with_causes(&refused.error))
    }
}
