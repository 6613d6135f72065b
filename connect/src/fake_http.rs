//! An HTTP service for the tests of this crate, without a network.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;
use portcullis_core::Secret;
use portcullis_environment::ManualClock;
use serde_json::Value;
use url::form_urlencoded::parse;

use crate::http::{HttpClient, HttpError, HttpFuture, HttpOptions, HttpRequest, HttpResponse};
use crate::renewal::RenewalOptions;

/// A service that records requests and answers them with a function.
pub(crate) struct FakeHttp {
    requests: Mutex<Vec<HttpRequest>>,
    answer: Box<Answer>,
}

/// A function from a request to the status and the body of the answer.
type Answer = dyn Fn(&Received) -> (u16, String) + Send + Sync;

/// A received request.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    /// The number of requests until this one.
    pub(crate) number: usize,
    pub(crate) path: String,
    /// The header fields, with names in lower case.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

impl FakeHttp {
    pub(crate) fn new(
        answer: impl Fn(&Received) -> (u16, String) + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self {
            requests: Mutex::default(),
            answer: Box::new(answer),
        })
    }

    /// Returns options whose requests go to this service.
    pub(crate) fn options(self: &Arc<Self>) -> HttpOptions {
        HttpOptions {
            client: Arc::clone(self) as Arc<dyn HttpClient>,
            ..HttpOptions::default()
        }
    }

    /// Returns all requests.
    pub(crate) fn received(&self) -> Vec<Received> {
        let requests = self.requests.lock();
        let numbered = requests.iter().enumerate();
        numbered
            .map(|(index, request)| Received::new(index + 1, request))
            .collect()
    }
}

impl Received {
    fn new(number: usize, request: &HttpRequest) -> Self {
        let header = |(name, value): &(String, Secret)| {
            (name.to_ascii_lowercase(), value.expose().to_owned())
        };
        Self {
            number,
            path: request.url.path().to_owned(),
            headers: request.headers.iter().map(header).collect(),
            body: request.body.expose().to_owned(),
        }
    }

    /// Returns the fields of a form.
    pub(crate) fn form(&self) -> BTreeMap<String, String> {
        parse(self.body.as_bytes()).into_owned().collect()
    }

    /// Returns the body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

impl HttpClient for FakeHttp {
    fn post(&self, request: HttpRequest) -> HttpFuture<'_> {
        let number = {
            let mut requests = self.requests.lock();
            requests.push(request.clone());
            requests.len()
        };
        let (status, body) = (self.answer)(&Received::new(number, &request));
        Box::pin(async move {
            // Gives other tasks a chance to make a request too.
            tokio::task::yield_now().await;
            if status == 0 {
                return Err(HttpError::NotText);
            }
            Ok(HttpResponse {
                status,
                retry_after: None,
                body: Secret::new(body),
            })
        })
    }
}

impl fmt::Debug for FakeHttp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("FakeHttp")
    }
}

/// Returns the default times of renewal without jitter, by `clock`.
pub(crate) fn renewal_by(clock: &ManualClock) -> RenewalOptions {
    RenewalOptions {
        jitter: std::time::Duration::ZERO,
        clock: Arc::new(clock.clone()),
        ..RenewalOptions::default()
    }
}
