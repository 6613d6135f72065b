//! Answers of the routes, and the proof that some need.

use std::borrow::Cow;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use axum::body::Body;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use portcullis_core::with_causes;

use super::counters::Wrote;
use super::decoded::decoded;
use super::options::ResolverOptions;
use super::query::Query;
use super::shared::Shared;
use super::task::TaskFailed;
use crate::error::StoreError;

const TEXT: HeaderValue = HeaderValue::from_static("text/plain");

pub(super) const JWT: HeaderValue = HeaderValue::from_static("application/jwt");

/// A refusal of a request.
#[derive(Debug)]
pub(super) struct Refused {
    status: StatusCode,
    text: Cow<'static, str>,
}

/// Requires the bearer token of a write, if one is configured.
pub(super) fn require_configured_proof(
    shared: &Shared,
    headers: &HeaderMap,
) -> Result<(), Refused> {
    if shared.options.bearer.is_none() {
        return Ok(());
    }
    let proved = require_proof(&shared.options, headers);
    proved.inspect_err(|_| shared.counters.wrote(Wrote::Unauthorized))
}

/// Requires the configured bearer token. Without one, no request has the proof.
pub(super) fn require_proof(options: &ResolverOptions, headers: &HeaderMap) -> Result<(), Refused> {
    let Some(bearer) = &options.bearer else {
        let problem = "the request needs a bearer token, and the resolver has none configured\n";
        return Err(refused(StatusCode::FORBIDDEN, problem));
    };
    let given = headers.get(AUTHORIZATION).map(HeaderValue::as_bytes);
    let given = given.and_then(|given| given.split_at_checked("Bearer ".len()));
    let is_known = given.is_some_and(|(scheme, token)| {
        scheme.eq_ignore_ascii_case(b"Bearer ")
            && verify_slices_are_equal(token, bearer.get().expose().as_bytes()).is_ok()
    });
    if is_known {
        return Ok(());
    }
    let problem = "the request needs the bearer token of the resolver\n";
    Err(refused(StatusCode::UNAUTHORIZED, problem))
}

pub(super) async fn read(body: Body, max: usize) -> Result<String, Refused> {
    let collected = Limited::new(body, max).collect().await;
    let bytes = collected.map_err(|error| {
        if error.is::<LengthLimitError>() {
            let problem = format!("the body is larger than {max} bytes\n");
            refused(StatusCode::PAYLOAD_TOO_LARGE, problem)
        } else {
            refused(StatusCode::BAD_REQUEST, "the body did not arrive\n")
        }
    })?;
    let token = String::from_utf8(bytes.to_bytes().into());
    token.map_err(|_| refused(StatusCode::BAD_REQUEST, "bad JWT in request: not text\n"))
}

/// Returns the form of a JWT that the query asks for, with `text` or `decode`.
pub(super) fn in_words(query: &Query, token: &str) -> Option<Response> {
    if query.is_true("text") {
        return Some(text(StatusCode::OK, token.to_owned()));
    }
    if query.is_true("decode") {
        return Some(match decoded(token) {
            Some(decoded) => text(StatusCode::OK, decoded),
            None => text(
                StatusCode::INTERNAL_SERVER_ERROR,
                "error decoding the JWT\n",
            ),
        });
    }
    None
}

/// Returns that the store failed. Only the log names its files.
pub(super) fn failed(error: &StoreError) -> Refused {
    tracing::error!(error = with_causes(error), "store of accounts failed");
    let problem = "error loading or saving JWT; the log of the resolver has the reason\n";
    refused(StatusCode::INTERNAL_SERVER_ERROR, problem)
}

impl From<TaskFailed> for Refused {
    fn from(error: TaskFailed) -> Self {
        tracing::error!(error = with_causes(&error), "request not answered");
        refused(StatusCode::INTERNAL_SERVER_ERROR, "internal error\n")
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let mut response = text(self.status, self.text);
        if self.status == StatusCode::UNAUTHORIZED {
            let challenge = HeaderValue::from_static("Bearer");
            response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

pub(super) fn refused(status: StatusCode, text: impl Into<Cow<'static, str>>) -> Refused {
    let text = text.into();
    Refused { status, text }
}

/// Returns an answer of text.
pub(super) fn text(status: StatusCode, text: impl Into<Body>) -> Response {
    (status, [(CONTENT_TYPE, TEXT)], text.into()).into_response()
}
