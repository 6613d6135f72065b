//! The reasons for which there is no token, and the statuses of answers.

use std::sync::Arc;
use std::time::Duration;

use portcullis_claims::{CredentialsError, KeyError};
use serde::Deserialize;
use url::Url;

use crate::http::{HttpError, HttpResponse};
use crate::secret::{SecretError, SecretSource};
use crate::shown::shown;

/// The maximum length of an error code, and of the id of a request, that is shown.
const MAX_CODE: usize = 80;

/// A reason for which a token or a user JWT was not obtained. No message repeats a secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// A secret cannot be read.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// A stored token has a character that no header carries in a token.
    #[error("the token in {place} has a space, a line end or a character that is not ascii")]
    Malformed {
        /// The place of the token.
        place: SecretSource,
    },
    /// A stored token has ended, and no other has replaced it.
    #[error("the token in {place} has ended")]
    Ended {
        /// The place of the token.
        place: SecretSource,
    },
    /// The service was not asked, or gave no answer.
    #[error("cannot ask `{url}`")]
    NoAnswer {
        /// The address.
        url: String,
        /// The reason.
        source: HttpError,
    },
    /// The service cannot answer now.
    #[error("`{url}` cannot answer now, with status {status}{}", with_request(request_id.as_deref()))]
    Unavailable {
        /// The address.
        url: String,
        /// The status of the answer.
        status: u16,
        /// The time after which the service wants the next request. `None` if it names none.
        retry_after: Option<Duration>,
        /// The service's id of the request, which its log has too.
        request_id: Option<String>,
    },
    /// The service refuses the request. The same request will be refused again.
    #[error(
        "`{url}` refuses with status {status}{}{}",
        with_code(code.as_deref()),
        with_request(request_id.as_deref())
    )]
    Refused {
        /// The address.
        url: String,
        /// The status of the answer.
        status: u16,
        /// The service's code for the reason: `error` of OAuth, or the type of a problem.
        code: Option<String>,
        /// The service's id of the request, which its log has too.
        request_id: Option<String>,
    },
    /// The answer does not have the form of the protocol.
    #[error("`{url}` answers with {problem}")]
    Unexpected {
        /// The address.
        url: String,
        /// The form of the answer, in words.
        problem: &'static str,
    },
    /// The answer has no user JWT for the key of the request.
    #[error("`{url}` answers without a usable user jwt")]
    UserJwt {
        /// The address.
        url: String,
        /// The problem of the answer.
        source: Box<CredentialsError>,
    },
    /// The user key cannot be made, or does not sign.
    #[error("no user key")]
    Key(#[source] KeyError),
    /// The token that the request needs was not obtained.
    #[error("no token for the request")]
    Source(#[source] Arc<Self>),
    /// The request took longer than [`RenewalOptions::request_timeout`].
    ///
    /// [`RenewalOptions::request_timeout`]: crate::RenewalOptions::request_timeout
    #[error("no answer within {0:?}")]
    Late(Duration),
    /// The request was interrupted, because the runtime shuts down or the request failed
    /// internally.
    #[error("interrupted")]
    Interrupted,
}

impl TokenError {
    /// Returns whether a service refused the request, so that the same request will be refused
    /// again. Other failures are outages, which pass.
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::Refused { .. } => true,
            Self::Source(source) => source.is_refusal(),
            _ => false,
        }
    }

    /// Returns the time after which the service wants the next request. `None` if it names none.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Unavailable { retry_after, .. } => *retry_after,
            Self::Source(source) => source.retry_after(),
            _ => None,
        }
    }

    /// Returns whether a service did not accept the token of the request.
    pub(crate) const fn is_unauthorized(&self) -> bool {
        matches!(self, Self::Refused { status: 401, .. })
    }
}

/// An answer with an error, of OAuth 2.0 (RFC 6749, section 5.2) or with problem details (RFC
/// 9457).
#[derive(Default, Deserialize)]
#[serde(default)]
struct ErrorBody {
    error: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    request_id: Option<String>,
}

/// Returns the answer if its status means success.
pub(crate) fn check_status(url: &Url, response: HttpResponse) -> Result<HttpResponse, TokenError> {
    let (url, status) = (shown(url), response.status);
    if let 200..=299 = status {
        return Ok(response);
    }
    let body: ErrorBody = serde_json::from_str(response.body.expose()).unwrap_or_default();
    let request_id = body.request_id.filter(|id| is_short(id, is_of_id));
    Err(match status {
        // Request timeout, too early, too many requests: later, the same request can succeed.
        408 | 425 | 429 | 500.. => TokenError::Unavailable {
            url,
            status,
            retry_after: response.retry_after,
            request_id,
        },
        _ => TokenError::Refused {
            url,
            status,
            code: body
                .error
                .or(body.kind)
                .filter(|code| is_short(code, is_of_code)),
            request_id,
        },
    })
}

/// Returns the error of a request without an answer.
pub(crate) fn no_answer(url: &Url, source: HttpError) -> TokenError {
    let url = shown(url);
    TokenError::NoAnswer { url, source }
}

pub(crate) fn unexpected(url: &Url, problem: &'static str) -> TokenError {
    let url = shown(url);
    TokenError::Unexpected { url, problem }
}

/// Returns whether a text of the service is short, and has only characters that `is_known` accepts.
/// Another one could hold a secret.
fn is_short(text: &str, is_known: fn(char) -> bool) -> bool {
    text.len() <= MAX_CODE && text.chars().all(is_known)
}

const fn is_of_code(letter: char) -> bool {
    letter.is_ascii_lowercase() || matches!(letter, '_' | '-' | '.' | ':' | '/')
}

const fn is_of_id(letter: char) -> bool {
    letter.is_ascii_hexdigit() || letter == '-'
}

fn with_code(code: Option<&str>) -> String {
    code.map(|code| format!(", `{code}`")).unwrap_or_default()
}

fn with_request(id: Option<&str>) -> String {
    id.map(|id| format!(" (request {id})")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use portcullis_core::Secret;

    use super::*;

    #[test]
    fn a_refusal_is_told_from_an_outage() {
        let url = Url::parse("https://idp.example/token?key=hunter2").unwrap();
        for (status, body, is_refusal, shown) in [
            (
                400,
                r#"{"error":"invalid_client"}"#,
                true,
                "400, `invalid_client`",
            ),
            (401, "", true, "401"),
            (
                403,
                r#"{"type":"urn:problem:denied"}"#,
                true,
                "403, `urn:problem:denied`",
            ),
            (
                403,
                r#"{"type":"urn:problem:denied","request_id":"0a-7F"}"#,
                true,
                "403, `urn:problem:denied` (request 0a-7F)",
            ),
            (401, r#"{"request_id":"eyJhbGciOi"}"#, true, "401"),
            (503, r#"{"request_id":"07"}"#, false, "503 (request 07)"),
            (403, r#"{"error":"eyJhbGciOi"}"#, true, "403"),
            (404, "<html>", true, "404"),
            (302, "", true, "302"),
            (408, "", false, "408"),
            (429, r#"{"error":"slow_down"}"#, false, "429"),
            (500, "", false, "500"),
            (503, "", false, "503"),
        ] {
            let answer = HttpResponse {
                status,
                retry_after: Some(Duration::from_secs(7)),
                body: Secret::new(body),
            };
            let error = check_status(&url, answer).unwrap_err();
            // The time of a refusal does not count: the same request is refused again.
            let retry_after = (!is_refusal).then_some(Duration::from_secs(7));
            assert_eq!(error.retry_after(), retry_after, "{status}");
            assert_eq!(error.is_refusal(), is_refusal, "{status}");
            let text = error.to_string();
            assert!(text.ends_with(&format!("status {shown}")), "{text}");
            assert!(text.starts_with("`https://idp.example/token` "), "{text}");
            let caused = TokenError::Source(Arc::new(error));
            assert_eq!(caused.is_refusal(), is_refusal, "{status}");
            assert_eq!(caused.retry_after(), retry_after, "{status}");
        }
    }
}
