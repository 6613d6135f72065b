//! The cost of a request without NATS, for benchmarks only, behind the feature `measure`.

use bytes::Bytes;
use portcullis_connect::HeaderMap;
use portcullis_core::{Authorizer, with_causes};

pub use crate::handler::Handled;
use crate::options::ServiceOptions;
use crate::service::Service;

/// A service without connections, for benchmarks.
#[derive(Debug)]
pub struct Handling<A>(Service<A>);

impl<A: Authorizer> Handling<A> {
    /// Creates a service that answers as `authorizer` decides.
    pub fn new(authorizer: A, options: ServiceOptions) -> Self {
        Self(Service::new(authorizer, options))
    }

    /// Opens, identifies, decides and seals as a service does.
    ///
    /// # Errors
    ///
    /// Fails if the request is not decided.
    pub async fn handle(
        &self,
        payload: &Bytes,
        headers: Option<&HeaderMap>,
    ) -> Result<Handled, String> {
        let handled = self.0.handler().measured(payload, headers).await;
        handled.map_err(|refused| with_causes(&refused.error))
    }
}
