//! Services over HTTP, without a network.

use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;
use portcullis_connect::{HttpClient, HttpFuture, HttpOptions, HttpRequest, HttpResponse, Secret};

/// A service that records requests, and answers each with the status and the body of a function.
pub(super) struct Service {
    requests: Mutex<Vec<HttpRequest>>,
    answer: Box<Answer>,
}

type Answer = dyn Fn(&HttpRequest) -> (u16, String) + Send + Sync;

impl Service {
    pub(super) fn new(
        answer: impl Fn(&HttpRequest) -> (u16, String) + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self {
            requests: Mutex::default(),
            answer: Box::new(answer),
        })
    }

    /// Returns options whose requests go to this service.
    pub(super) fn options(self: &Arc<Self>) -> HttpOptions {
        HttpOptions {
            client: Arc::clone(self) as Arc<dyn HttpClient>,
            ..HttpOptions::default()
        }
    }

    /// Returns all requests.
    pub(super) fn requests(&self) -> Vec<HttpRequest> {
        self.requests.lock().clone()
    }
}

impl HttpClient for Service {
    fn post(&self, request: HttpRequest) -> HttpFuture<'_> {
        let (status, body) = (self.answer)(&request);
        self.requests.lock().push(request);
        let answer = HttpResponse {
            status,
            retry_after: None,
            body: Secret::new(body),
        };
        Box::pin(async move { Ok(answer) })
    }
}

impl fmt::Debug for Service {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Service")
    }
}

/// Returns whether a request has a header `Authorization`.
pub(super) fn is_authorized(request: &HttpRequest) -> bool {
    let mut names = request.headers.iter().map(|(name, _)| name);
    names.any(|name| name.eq_ignore_ascii_case("authorization"))
}
