//! Reading of bodies and path segments without a listener, for fuzz targets only.

use axum::body::Body;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;

use crate::body::{self, Ask, ConnectBody, OwnBody};
use crate::problem::Refusal;

/// A route whose body is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// `POST /v1/tokens`.
    Own,
    /// `POST /core/tokens` and `POST /admin/accounts/{name}/tokens`.
    Connect,
}

/// What a caller asks for, in words.
#[derive(Debug, PartialEq, Eq)]
pub struct Asked {
    /// The public nkey.
    pub nkey: String,
    /// The name.
    pub name: Option<String>,
    /// The account.
    pub account: Option<String>,
    /// The lifetime, in seconds.
    pub lifetime: Option<u64>,
    /// The nonce of the proof.
    pub nonce: Option<String>,
}

/// Reads the body of a request as the routes do, with at most `max` bytes.
///
/// # Errors
///
/// Fails with the reason that the host logs.
pub async fn read_body(route: Route, content: Vec<u8>, max: usize) -> Result<Asked, String> {
    let mut headers = HeaderMap::new();
    if let Ok(json) = "application/json".parse() {
        headers.insert(CONTENT_TYPE, json);
    }
    let content = Body::from(content);
    let ask = match route {
        Route::Own => body::read::<OwnBody>(&headers, content, max)
            .await
            .and_then(OwnBody::ask),
        Route::Connect => body::read::<ConnectBody>(&headers, content, max)
            .await
            .and_then(ConnectBody::ask),
    };
    ask.map(asked).map_err(told)
}

/// Reads the name of an account in a path.
///
/// # Errors
///
/// Fails with the reason that the host logs.
pub fn read_account(text: &str) -> Result<String, String> {
    body::account(text)
        .map(|account| account.as_str().to_owned())
        .map_err(told)
}

fn asked(ask: Ask) -> Asked {
    let proof = ask.proof.as_ref();
    // The result does not matter: no signature of a fuzzer is good.
    let _ = proof.is_some_and(|proof| proof.is_by(&ask.nkey));
    Asked {
        nkey: ask.nkey.to_string(),
        nonce: proof.map(|proof| proof.nonce.clone()),
        name: ask.name,
        account: ask.account.map(|account| account.as_str().to_owned()),
        lifetime: ask.lifetime.map(|lifetime| lifetime.as_secs()),
    }
}

fn told(refusal: Refusal) -> String {
    format!("{}: {}", refusal.reason, refusal.error)
}
