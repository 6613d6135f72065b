//! The metrics of the resolver, for a listener of their own.

use axum::Router;
use axum::http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, VARY};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use portcullis_core::Sample;
use portcullis_http::{HttpListener, MetricsText};

use super::Resolver;
use super::answers::text;

impl Resolver {
    /// Returns a sample of each counter and gauge.
    pub fn samples(&self) -> Vec<Sample> {
        let mut samples = self.shared.counters.samples();
        if let Some(outbox) = &self.shared.outbox {
            samples.push(Sample::whole(
                "resolver_announcements_pending",
                "Accounts whose version not every server has confirmed",
                outbox.pending(),
            ));
        }
        samples
    }

    /// Serves `/metrics` to the clients of `listener` until `shutdown` completes.
    pub async fn serve_metrics(self, listener: HttpListener, shutdown: impl Future<Output = ()>) {
        let resolver = self.clone();
        let page = async move |headers: HeaderMap| resolver.page(&headers);
        let router = Router::new().route("/metrics", get(page));
        let options = self.shared.options.listener();
        listener.run(router, options, self.shared, shutdown).await;
    }

    fn page(&self, headers: &HeaderMap) -> Response {
        let accept = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok());
        match MetricsText::render(self.samples(), accept) {
            Ok(metrics) => {
                let headers = [
                    (CONTENT_TYPE, metrics.media_type),
                    (CACHE_CONTROL, "no-store"),
                    (VARY, "Accept"),
                ];
                (headers, metrics.text).into_response()
            }
            Err(error) => {
                tracing::error!(%error, "metrics not rendered");
                let problem = "the metrics cannot be rendered\n";
                text(StatusCode::INTERNAL_SERVER_ERROR, problem)
            }
        }
    }
}
