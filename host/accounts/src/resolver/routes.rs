//! The routes of the resolver, with the answers of nats-account-server.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, ETAG, EXPIRES, IF_NONE_MATCH, PRAGMA,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use portcullis_core::{PublicKey, with_causes};
use portcullis_http::Peer;
use tower_http::cors::CorsLayer;

use super::accept::{self, Accepted, NotAccepted, refusal};
use super::activations;
use super::answers::{
    JWT, Refused, failed, in_words, read, refused, require_configured_proof, require_proof, text,
};
use super::counters::{LookedUp, Wrote};
use super::guard::guard;
use super::lookup::account;
use super::options::ResolverOptions;
use super::query::Query;
use super::shared::Shared;
use super::sign::Answer;
use crate::account_jwts::AccountJwt;
use crate::error::StoreError;

/// Description of the routes.
const HELP: &str = include_str!("help.txt");
/// Time for which caches may serve a JWT while they fetch it again, or while that fails, in
/// seconds.
const STALE: u64 = 3600;
/// Maximum number of characters of a signing service's answer to a client.
const MAX_ANSWER: usize = 1000;

/// Returns the routes.
pub(super) fn router(shared: &Arc<Shared>) -> Router {
    let router = Router::new()
        .route("/jwt/v1/accounts", get(probe))
        .route("/jwt/v1/accounts/", get(probe))
        .route("/jwt/v1/accounts/{account}", get(look_up).post(store))
        .route("/jwt/v1/operator", get(operator))
        .route("/jwt/v1/pack", get(pack))
        .route("/jwt/v1/help", get(async || text(StatusCode::OK, HELP)))
        .route("/healthz", get(async || text(StatusCode::OK, "ok\n")))
        .merge(if shared.options.activations {
            activations::router()
        } else {
            Router::new()
        })
        .fallback(async || {
            let problem = "no such route; `/jwt/v1/help` lists the routes\n";
            text(StatusCode::NOT_FOUND, problem)
        })
        .with_state(Arc::clone(shared))
        .layer(from_fn_with_state(Arc::clone(shared), guard));
    match cross_origin(&shared.options) {
        Some(layer) => router.layer(layer),
        None => router,
    }
}

/// Returns the layer that lets web pages of `allowed_origins` call the resolver.
fn cross_origin(options: &ResolverOptions) -> Option<CorsLayer> {
    let origins = options.allowed_origins.iter();
    let origins: Vec<_> = origins
        .filter_map(|origin| HeaderValue::from_str(origin).ok())
        .collect();
    (!origins.is_empty()).then(|| {
        CorsLayer::new()
            .allow_origin(origins)
            .allow_methods([Method::GET, Method::POST])
            .allow_headers([AUTHORIZATION, CONTENT_TYPE])
    })
}

/// Answers the probe that servers send when they start.
async fn probe() -> Response {
    let headers = [
        (CACHE_CONTROL, "no-cache, no-store, must-revalidate"),
        (PRAGMA, "no-cache"),
        (EXPIRES, "0"),
    ];
    headers.into_response()
}

async fn look_up(
    State(shared): State<Arc<Shared>>,
    Path(key): Path<String>,
    peer: Option<Extension<Peer>>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let query = Query::of_uri(&uri);
    if query.get("jti").is_some() {
        let problem = "lookup by jti is not supported; look up the account\n";
        return Err(refused(StatusCode::NOT_IMPLEMENTED, problem));
    }
    let counters = &shared.counters;
    let found = match account(&key) {
        Some(account) => {
            let address = peer.map(|Extension(peer)| peer.address.ip());
            shared.look_up_anywhere(account, address).await?
        }
        None => Ok(None),
    };
    let found = found.map_err(|error| {
        counters.looked_up(LookedUp::Failed);
        failed(&error)
    });
    let Some(jwt) = found? else {
        counters.looked_up(LookedUp::Unknown);
        return Err(refused(StatusCode::NOT_FOUND, "no matching account JWT\n"));
    };
    if let Some(answer) = in_words(&query, &jwt.token) {
        counters.looked_up(LookedUp::Found);
        return Ok(answer);
    }
    let now = shared.clock.unix_seconds();
    let expires = jwt.claims.expires_at.filter(|expires| *expires > 0);
    if query.is_true("check") && expires.is_some_and(|expires| expires < now) {
        counters.looked_up(LookedUp::Expired);
        return Err(refused(
            StatusCode::NOT_FOUND,
            "the account JWT has expired\n",
        ));
    }
    let tag = jwt.claims.id.as_deref().map(|id| format!("\"{id}\""));
    let known = headers.get_all(IF_NONE_MATCH).iter();
    let mut known = known.filter_map(|known| known.to_str().ok());
    if let Some(tag) = &tag
        && known.any(|known| known.contains(tag.as_str()))
    {
        counters.looked_up(LookedUp::NotModified);
        return Ok(StatusCode::NOT_MODIFIED.into_response());
    }
    if query.is_true("notify") {
        require_proof(&shared.options, &headers)?;
        announce(&shared, &jwt).await?;
    }
    counters.looked_up(LookedUp::Found);
    let age = expires.map_or(0, |expires| expires.saturating_sub(now));
    let caching = format!("max-age={age}, stale-while-revalidate={STALE}, stale-if-error={STALE}");
    let mut response =
        ([(CONTENT_TYPE, JWT)], [(CACHE_CONTROL, caching)], jwt.token).into_response();
    if let Some(tag) = tag.and_then(|tag| HeaderValue::from_str(&tag).ok()) {
        response.headers_mut().insert(ETAG, tag);
    }
    Ok(response)
}

/// Stores a version of an account.
async fn store(
    State(shared): State<Arc<Shared>>,
    Path(key): Path<String>,
    request: Request,
) -> Result<Response, Refused> {
    let (head, body) = request.into_parts();
    require_configured_proof(&shared, &head.headers)?;
    let (account, token) = read_write(&shared, &key, body)
        .await
        .inspect_err(|_| shared.counters.wrote(Wrote::Refused))?;
    let accepted = match sign(&shared, &token, &account).await? {
        None => shared.accept(token, Some(account)).await?,
        Some(Answer::Text(answer)) => {
            let answer: String = answer.chars().take(MAX_ANSWER).collect();
            return Ok(text(StatusCode::ACCEPTED, format!("{answer}\n")));
        }
        Some(Answer::Signed(signed)) => {
            let accepted = shared.accept(signed, Some(account)).await?;
            accepted.map_err(NotAccepted::in_answer)
        }
    };
    let Accepted { jwt, .. } = accepted.map_err(|error| not_accepted(&error))?;
    let mut answer = "stored".to_owned();
    if shared.outbox.is_some() {
        answer = format!("{answer}; {}", announce(&shared, &jwt).await?);
    }
    Ok(text(StatusCode::OK, format!("{answer}\n")))
}

/// Has the signing service decide about an account that signed itself. `None` if no service is
/// configured, or if the account did not sign itself.
async fn sign(
    shared: &Arc<Shared>,
    token: &str,
    account: &PublicKey,
) -> Result<Option<Answer>, Refused> {
    let Some(service) = shared.signing.get() else {
        return Ok(None);
    };
    let (given, key) = (token.to_owned(), account.clone());
    // Not in the room of lookups: validating the claims of strangers takes time.
    let is_request = shared
        .in_room(&shared.writes, move |shared| {
            accept::is_request(&shared.store, &given, &key, shared.clock.unix_seconds())
        })
        .await?;
    let is_request = is_request.inspect_err(|error| shared.counters.wrote(refusal(error)));
    if !is_request.map_err(|error| not_accepted(&error))? {
        return Ok(None);
    }
    match service.decide(token).await {
        Ok(answer) => {
            tracing::info!(%account, signed = answer.is_signed(), "signing service answered");
            Ok(Some(answer))
        }
        Err(error) => {
            let error = with_causes(&error);
            tracing::warn!(%account, error, "account not signed");
            let problem = format!("the account is not signed: {error}\n");
            Err(refused(StatusCode::INTERNAL_SERVER_ERROR, problem))
        }
    }
}

async fn operator(State(shared): State<Arc<Shared>>, uri: Uri) -> Result<Response, Refused> {
    let read = shared
        .in_room(&shared.lookups, |shared| shared.store.operator())
        .await?;
    let (_, token) = read.map_err(|error| failed(&error))?;
    let answer = in_words(&Query::of_uri(&uri), &token);
    Ok(answer.unwrap_or_else(|| ([(CONTENT_TYPE, JWT)], token).into_response()))
}

async fn pack(
    State(shared): State<Arc<Shared>>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    if shared.options.bearer.is_some() {
        require_proof(&shared.options, &headers)?;
    }
    let query = Query::of_uri(&uri);
    let limit = shared.options.max_pack;
    let max = match query.get("max").map(str::parse::<usize>) {
        None => limit,
        Some(Ok(max)) if max <= limit => max,
        Some(_) => {
            let problem = format!("bad max parameter; it is a number up to {limit}\n");
            return Err(refused(StatusCode::BAD_REQUEST, problem));
        }
    };
    let packed = shared
        .in_room(&shared.packs, move |shared| shared.pack(max))
        .await?;
    let lines = packed.map_err(|error| failed(&error))?;
    Ok(text(StatusCode::OK, lines.join("\n")))
}

/// Tells the servers of a version, and describes their answers.
async fn announce(shared: &Arc<Shared>, jwt: &AccountJwt) -> Result<String, Refused> {
    match shared.tell(jwt.account.clone()).await {
        None => {
            let problem = "the resolver has no connection to servers\n";
            Err(refused(StatusCode::NOT_IMPLEMENTED, problem))
        }
        Some(Ok(announcement)) => Ok(announcement.summary()),
        Some(Err(error)) => {
            let error = with_causes(&error);
            let problem = format!("stored, but {error}; the resolver tries again\n");
            Err(refused(StatusCode::BAD_GATEWAY, problem))
        }
    }
}

/// Reads the account and the body of a write.
async fn read_write(
    shared: &Shared,
    key: &str,
    body: Body,
) -> Result<(PublicKey, String), Refused> {
    let token = read(body, shared.options.max_body).await?;
    let account = account(key).ok_or_else(|| {
        let problem = "the path has no public key of an account (A…)\n";
        refused(StatusCode::BAD_REQUEST, problem)
    })?;
    Ok((account, token))
}

fn not_accepted(error: &NotAccepted) -> Refused {
    let status = match error {
        NotAccepted::Answer(_) => StatusCode::INTERNAL_SERVER_ERROR,
        NotAccepted::Store(StoreError::Older { .. } | StoreError::Deleted { .. }) => {
            StatusCode::CONFLICT
        }
        NotAccepted::Store(error) => return failed(error),
        _ => StatusCode::BAD_REQUEST,
    };
    refused(status, format!("{}\n", with_causes(error)))
}
