//! The pages and their content.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, VARY};
use hyper::{Method, Response, StatusCode};
use portcullis_http::MetricsText;

use super::readiness::Readiness;

const TEXT: &str = "text/plain; charset=utf-8";

/// Returns the page at `path`, in the format that `accept` selects.
pub(super) fn at(
    method: &Method,
    path: &str,
    accept: Option<&str>,
    readiness: &Readiness,
) -> Response<Full<Bytes>> {
    if !matches!(*method, Method::GET | Method::HEAD) {
        let mut page = text(StatusCode::METHOD_NOT_ALLOWED, "GET or HEAD\n");
        page.headers_mut()
            .insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return page;
    }
    match path {
        // An answer is enough, because it proves that the process runs.
        "/healthz" => text(StatusCode::OK, "alive\n"),
        "/readyz" => readiness_page(readiness),
        "/metrics" => numbers(accept, readiness),
        _ => text(
            StatusCode::NOT_FOUND,
            "there are /healthz, /readyz and /metrics\n",
        ),
    }
}

fn readiness_page(readiness: &Readiness) -> Response<Full<Bytes>> {
    let reasons = readiness.reasons();
    let (status, mut lines) = if reasons.is_empty() {
        (StatusCode::OK, vec!["ready".to_owned()])
    } else {
        let reasons = reasons.iter().map(ToString::to_string).collect();
        (StatusCode::SERVICE_UNAVAILABLE, reasons)
    };
    lines.extend(readiness.remarks());
    text(status, format!("{}\n", lines.join("\n")))
}

fn numbers(accept: Option<&str>, readiness: &Readiness) -> Response<Full<Bytes>> {
    match MetricsText::render(readiness.samples(), accept) {
        Ok(metrics) => {
            let mut page = page(StatusCode::OK, metrics.media_type, metrics.text);
            page.headers_mut()
                .insert(VARY, HeaderValue::from_static("Accept"));
            page
        }
        Err(error) => {
            tracing::error!(%error, "metrics not rendered");
            text(
                StatusCode::INTERNAL_SERVER_ERROR,
                "the metrics cannot be rendered\n",
            )
        }
    }
}

fn text(status: StatusCode, content: impl Into<String>) -> Response<Full<Bytes>> {
    page(status, TEXT, content.into())
}

fn page(status: StatusCode, media_type: &'static str, content: String) -> Response<Full<Bytes>> {
    let mut page = Response::new(Full::new(Bytes::from(content)));
    *page.status_mut() = status;
    let headers = page.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    page
}
