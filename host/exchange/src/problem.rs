//! Refusals, and the problem details (RFC 9457) that the caller sees of them.

use axum::body::Body;
use axum::http::header::{CONNECTION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use portcullis_core::{Blame, Denial, DenialClass};
use serde::Serialize;
use utoipa::{IntoResponses, ToSchema};

/// What the caller learns of a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Problem {
    /// The request is malformed.
    BadRequest,
    /// The route demands a proof of the caller's seed.
    ProofRequired,
    /// The proof of the caller's seed does not hold.
    ProofRejected,
    /// The bearer token is missing, or does not prove an identity.
    Unauthorized,
    /// The caller may not have a user JWT.
    Forbidden,
    /// The path is no route.
    NotFound,
    /// The route takes another method.
    MethodNotAllowed,
    /// The request did not arrive in time.
    Timeout,
    /// The body is too large.
    TooLarge,
    /// The body is not JSON by its type.
    UnsupportedMediaType,
    /// Too many attempts of the caller failed.
    TooManyRequests,
    /// The host has a fault, or a policy has.
    Internal,
    /// The host cannot decide now.
    Unavailable,
}

/// A refusal of one request. The caller sees the problem, and the operator the reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) problem: Problem,
    /// Name of the reason in metrics.
    pub(crate) reason: &'static str,
    /// Details for the log.
    pub(crate) error: String,
    /// Whether the request was decided, so that the decision has a log line.
    pub(crate) is_decided: bool,
}

/// The details of a refusal (RFC 9457), without its reason.
#[derive(Serialize, ToSchema)]
pub(crate) struct Details<'a> {
    /// `urn:portcullis:exchange:` and the name of the problem.
    r#type: String,
    title: &'static str,
    status: u16,
    /// The id that finds the log line.
    request_id: &'a str,
}

/// The refusals of all routes, for their description.
#[derive(IntoResponses)]
#[expect(
    dead_code,
    reason = "the derived description reads the variants, not their values"
)]
pub(crate) enum Refusals {
    /// Refused
    #[response(status = "4XX", content_type = "application/problem+json")]
    Refused(Details<'static>),
    /// Not decided
    #[response(status = "5XX", content_type = "application/problem+json")]
    NotDecided(Details<'static>),
}

impl Problem {
    pub(crate) const fn status(self) -> StatusCode {
        match self {
            Self::BadRequest | Self::ProofRequired | Self::ProofRejected => StatusCode::BAD_REQUEST,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Timeout => StatusCode::REQUEST_TIMEOUT,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// Returns the end of the problem's type, `urn:portcullis:exchange:NAME`.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::BadRequest => "bad-request",
            Self::ProofRequired => "proof-required",
            Self::ProofRejected => "proof-rejected",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not-found",
            Self::MethodNotAllowed => "method-not-allowed",
            Self::Timeout => "timeout",
            Self::TooLarge => "too-large",
            Self::UnsupportedMediaType => "unsupported-media-type",
            Self::TooManyRequests => "too-many-requests",
            Self::Internal => "internal",
            Self::Unavailable => "unavailable",
        }
    }

    const fn title(self) -> &'static str {
        match self {
            Self::BadRequest => "The request is malformed",
            Self::ProofRequired => "A proof of the seed is required",
            Self::ProofRejected => "The proof of the seed was rejected",
            Self::Unauthorized => "The bearer token was rejected",
            Self::Forbidden => "Permission denied",
            Self::NotFound => "No such route",
            Self::MethodNotAllowed => "The route takes another method",
            Self::Timeout => "The request took too long",
            Self::TooLarge => "The request is too large",
            Self::UnsupportedMediaType => "The body must be application/json",
            Self::TooManyRequests => "Too many failed attempts",
            Self::Internal => "Internal error",
            Self::Unavailable => "The service cannot decide now",
        }
    }

    /// Returns the header that goes with the status.
    const fn header(self) -> Option<(HeaderName, &'static str)> {
        match self {
            Self::Unauthorized => Some((WWW_AUTHENTICATE, "Bearer")),
            Self::TooManyRequests | Self::Unavailable => Some((RETRY_AFTER, "1")),
            // The rest of the body may still arrive.
            Self::Timeout | Self::TooLarge => Some((CONNECTION, "close")),
            _ => None,
        }
    }

    /// Returns the problem of a denial. A caller learns that its token is not good enough, that it
    /// is not permitted, or that it should try again, and nothing else.
    const fn of_denial(class: DenialClass) -> Self {
        match class {
            DenialClass::IdentityRejected => Self::Unauthorized,
            DenialClass::ProofRejected => Self::ProofRejected,
            DenialClass::Throttled => Self::TooManyRequests,
            DenialClass::AccountNotAllowed | DenialClass::RoleNotAllowed => Self::Forbidden,
            DenialClass::Internal | DenialClass::InvalidResponse => Self::Internal,
            class => match class.blame() {
                None => Self::Forbidden,
                Some(Blame::Guest) => Self::Internal,
                Some(Blame::Host) => Self::Unavailable,
            },
        }
    }
}

impl Refusal {
    /// Returns a refusal of a request that is not decided.
    pub(crate) fn new(problem: Problem, reason: &'static str, error: impl Into<String>) -> Self {
        Self {
            problem,
            reason,
            error: error.into(),
            is_decided: false,
        }
    }

    /// Returns the refusal of a request that was denied.
    pub(crate) fn denied(denial: &Denial) -> Self {
        Self {
            problem: Problem::of_denial(denial.class),
            reason: denial.class.as_str(),
            error: denial.reason.clone(),
            is_decided: true,
        }
    }

    /// Returns the answer to the request with this id.
    pub(crate) fn answer(&self, request_id: &str) -> Response {
        let problem = self.problem;
        let details = Details {
            r#type: format!("urn:portcullis:exchange:{}", problem.name()),
            title: problem.title(),
            status: problem.status().as_u16(),
            request_id,
        };
        let body = serde_json::to_vec(&details).unwrap_or_default();
        let mut response = (problem.status(), body).into_response();
        let headers = response.headers_mut();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if let Some((name, value)) = problem.header() {
            headers.insert(name, HeaderValue::from_static(value));
        }
        response
    }
}

/// Marks the response. The guard, which knows the id of the request, writes the answer.
impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = self.problem.status();
        response.extensions_mut().insert(self);
        response
    }
}
