//! The exchange as a service.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use arc_swap::ArcSwap;
use axum::Router;
use portcullis_authority::{Authority, Issuers};
use portcullis_claims::{KeyError, KeyKind, PublicKey};
use portcullis_core::{Authorizer, Sample, Server};
use portcullis_environment::{Clock, Randomness, SystemClock, SystemRandomness};
use tokio::sync::Semaphore;

use crate::nonces::Nonces;
use crate::openapi;
use crate::options::ExchangeOptions;
use crate::refusal_log::RefusalLog;
use crate::routes;
use crate::shared::Shared;

/// The name of the exchange as the server that asks, in decisions.
const SERVER_NAME: &str = "exchange";

/// The token exchange, as a service for an [`HttpListener`](portcullis_http::HttpListener). It
/// reads the time from `C`. Clones share their state.
pub struct Exchange<A, C = SystemClock> {
    pub(crate) shared: Arc<Shared<A, C>>,
}

impl<A: Authorizer> Exchange<A> {
    /// Creates an exchange that decides with `authority` and signs with `issuers`.
    ///
    /// # Errors
    ///
    /// Fails if the key of the nonces cannot be made.
    pub fn new(
        authority: Arc<Authority<A>>,
        issuers: Arc<Issuers>,
        options: ExchangeOptions,
    ) -> Result<Self, KeyError> {
        Self::with_clock(authority, issuers, options, SystemClock)
    }
}

impl<A: Authorizer, C: Clock + Clone> Exchange<A, C> {
    /// Creates an exchange as [`new`](Exchange::new) does, which reads the time from `clock`.
    ///
    /// # Errors
    ///
    /// Fails if the key of the nonces cannot be made.
    pub fn with_clock(
        authority: Arc<Authority<A, C>>,
        issuers: Arc<Issuers>,
        options: ExchangeOptions,
        clock: C,
    ) -> Result<Self, KeyError> {
        let randomness = SystemRandomness;
        let mut id = [0; PublicKey::LEN];
        randomness.fill(&mut id);
        let server = Server {
            name: SERVER_NAME.to_owned(),
            ..Server::new(PublicKey::from_bytes(KeyKind::Server, id))
        };
        Ok(Self {
            shared: Arc::new(Shared {
                nonces: Nonces::new(
                    issuers.response(),
                    options.nonce_lifetime,
                    options.max_used_nonces,
                )?,
                room: Arc::new(Semaphore::new(
                    options.max_in_flight.min(Semaphore::MAX_PERMITS),
                )),
                description: openapi::json(options.token_cookie.as_deref()).into(),
                authority,
                issuers: ArcSwap::new(issuers),
                options,
                counters: Arc::default(),
                refusals: RefusalLog::default(),
                clock,
                randomness,
                server,
                decided: AtomicU64::new(0),
            }),
        })
    }

    /// Replaces the keys that sign user JWTs. The key of the nonces stays.
    pub fn replace_issuers(&self, issuers: Arc<Issuers>) {
        self.shared.issuers.store(issuers);
    }

    /// Returns the routes.
    pub(crate) fn router(&self) -> Router {
        routes::router(&self.shared)
    }

    /// Returns a sample of each counter and gauge, for `/metrics`.
    pub fn samples(&self) -> Vec<Sample> {
        let mut samples = self.shared.counters.samples();
        samples.push(Sample::whole(
            "exchange_used_nonces",
            "Used nonces that the token exchange remembers until they end",
            self.shared.nonces.used(),
        ));
        samples
    }
}

impl<A, C> Clone for Exchange<A, C> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<A, C> fmt::Debug for Exchange<A, C> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Exchange")
            .field("options", &self.shared.options)
            .finish_non_exhaustive()
    }
}
