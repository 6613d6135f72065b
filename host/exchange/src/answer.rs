//! The answers to requests that are permitted.

use axum::body::Bytes;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use portcullis_core::{PermissionSubject, Permit, SubjectPermission};
use serde::Serialize;
use utoipa::ToSchema;

/// A user JWT for a caller.
pub(crate) struct Issued {
    pub(crate) jwt: String,
    /// End of the JWT, in seconds since the Unix epoch.
    pub(crate) expires: u64,
    /// Public key of the account, `A…`.
    pub(crate) account: String,
    pub(crate) permit: Permit,
}

/// A user JWT and what it permits.
#[derive(Serialize, ToSchema)]
pub(crate) struct TokenAnswer<'a> {
    /// The user JWT.
    jwt: &'a str,
    /// End of the user JWT, in seconds since the Unix epoch.
    expires: u64,
    /// The public key of the account, `A…`.
    account: &'a str,
    /// Role whose template sets the permissions.
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'a str>,
    /// Permissions. Absent with a role.
    #[serde(skip_serializing_if = "Option::is_none")]
    subjects: Option<Subjects>,
}

/// The permissions of the user.
#[derive(Serialize, ToSchema)]
struct Subjects {
    publish: Side,
    subscribe: Side,
}

/// The subjects of one direction.
#[derive(Serialize, ToSchema)]
struct Side {
    allow: Vec<String>,
    deny: Vec<String>,
}

/// A nonce for the proof of a seed.
#[derive(Serialize, ToSchema)]
pub(crate) struct NonceAnswer<'a> {
    nonce: &'a str,
    /// End of the nonce, in seconds since the Unix epoch.
    expires: u64,
}

impl From<&SubjectPermission> for Side {
    fn from(side: &SubjectPermission) -> Self {
        let texts = |subjects: &[PermissionSubject]| {
            let texts = subjects.iter().map(ToString::to_string);
            texts.collect()
        };
        Self {
            allow: texts(&side.allow),
            deny: texts(&side.deny),
        }
    }
}

impl Issued {
    /// Returns the answer of `POST /v1/tokens`.
    pub(crate) fn as_json(&self) -> Response {
        let permissions = self.permit.permissions();
        let role = self.permit.role();
        let subjects = Subjects {
            publish: Side::from(&permissions.publish),
            subscribe: Side::from(&permissions.subscribe),
        };
        json(&TokenAnswer {
            jwt: &self.jwt,
            expires: self.expires,
            account: &self.account,
            role,
            subjects: role.is_none().then_some(subjects),
        })
    }

    /// Returns the answer of Overmind's routes.
    pub(crate) fn into_jwt(self) -> Response {
        with_type(self.jwt.into_bytes(), "application/jwt")
    }
}

/// Returns the answer of `POST /v1/nonces`.
pub(crate) fn nonce(nonce: &str, expires: u64) -> Response {
    json(&NonceAnswer { nonce, expires })
}

/// Returns the answer of `GET /openapi.json`.
pub(crate) fn described(document: Bytes) -> Response {
    let mut response = with_type(document, "application/json");
    *response.status_mut() = StatusCode::OK;
    response
}

fn json(value: &impl Serialize) -> Response {
    // Texts and numbers always have a form in JSON.
    let body = serde_json::to_vec(value).unwrap_or_default();
    with_type(body, "application/json")
}

fn with_type(body: impl Into<Bytes>, content_type: &'static str) -> Response {
    let mut response = (StatusCode::CREATED, body.into()).into_response();
    let content_type = HeaderValue::from_static(content_type);
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}
