//! The routes of activation tokens, which nats-account-server documented and removed.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use portcullis_core::with_causes;

use super::answers::{
    JWT, Refused, failed, in_words, read, refused, require_configured_proof, text,
};
use super::counters::Wrote;
use super::query::Query;
use super::shared::Shared;
use crate::account_jwts::Written;
use crate::activations::NotActivated;

/// Returns the routes.
pub(super) fn router() -> Router<Arc<Shared>> {
    Router::new()
        .route("/jwt/v1/activations", post(store))
        .route("/jwt/v1/activations/{hash}", get(look_up))
}

async fn look_up(
    State(shared): State<Arc<Shared>>,
    Path(hash): Path<String>,
    uri: Uri,
) -> Result<Response, Refused> {
    let found = shared
        .in_room(&shared.lookups, move |shared| {
            shared.store.activation(&hash)
        })
        .await?;
    let unknown = || refused(StatusCode::NOT_FOUND, "no matching activation JWT\n");
    let found = found.map_err(|error| failed(&error))?;
    let token = found.ok_or_else(unknown)?.token;
    let answer = in_words(&Query::of_uri(&uri), &token);
    Ok(answer.unwrap_or_else(|| ([(CONTENT_TYPE, JWT)], token).into_response()))
}

/// Stores the activation in the body. Answers with its hash.
async fn store(State(shared): State<Arc<Shared>>, request: Request) -> Result<Response, Refused> {
    let (head, body) = request.into_parts();
    require_configured_proof(&shared, &head.headers)?;
    let token = read(body, shared.options.max_body).await?;
    let stored = shared
        .in_room(&shared.writes, move |shared| {
            let (limits, now) = (
                shared.options.activation_limits,
                shared.clock.unix_seconds(),
            );
            shared.store.put_activation(&token, limits, now)
        })
        .await?;
    shared.counters.wrote(outcome(&stored));
    let stored = stored.map(|(activation, _)| activation.hash);
    let hash = stored.map_err(|error| not_activated(&error))?;
    tracing::info!(activation = hash, "activation stored");
    Ok(text(StatusCode::OK, format!("{hash}\n")))
}

const fn outcome<T>(stored: &Result<(T, Written), NotActivated>) -> Wrote {
    match stored {
        Ok((_, written)) => Wrote::from_written(*written),
        Err(NotActivated::Older) => Wrote::Older,
        Err(NotActivated::Store(_)) => Wrote::Failed,
        Err(_) => Wrote::Refused,
    }
}

fn not_activated(error: &NotActivated) -> Refused {
    let status = match error {
        NotActivated::Older => StatusCode::CONFLICT,
        NotActivated::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
        NotActivated::Full(_) | NotActivated::AccountFull { .. } => {
            StatusCode::INSUFFICIENT_STORAGE
        }
        NotActivated::Store(error) => return failed(error),
        _ => StatusCode::BAD_REQUEST,
    };
    refused(status, format!("{}\n", with_causes(error)))
}
