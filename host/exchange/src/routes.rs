//! The routes, from the HTTP request to what the exchange decides.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, Method, request};
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Extension, Router};
use portcullis_core::{AccountName, Authorizer, WantedAccount};
use portcullis_environment::Clock;
use tokio::sync::Semaphore;
use tower_http::cors::CorsLayer;

use crate::answer::{self, NonceAnswer, TokenAnswer};
use crate::bearer::bearer;
use crate::body::{ConnectBody, OwnBody, account, read};
use crate::context::RequestContext;
use crate::guard::{REQUEST_ID, guard};
use crate::options::{ExchangeOptions, ProofRoute};
use crate::problem::{Problem, Refusal, Refusals};
use crate::shared::Shared;

/// Time for which a browser may remember that it may call the exchange.
const PREFLIGHT_AGE: Duration = Duration::from_mins(10);

/// Returns the routes of an exchange.
pub(crate) fn router<A: Authorizer, C: Clock + Clone>(shared: &Arc<Shared<A, C>>) -> Router {
    let router = Router::new()
        .route("/v1/tokens", post(own_token::<A, C>))
        .route("/v1/nonces", post(nonce::<A, C>))
        .route("/core/tokens", post(core_token::<A, C>))
        .route("/admin/accounts/{name}/tokens", post(admin_token::<A, C>))
        .route("/openapi.json", get(document::<A, C>))
        .fallback(async || Refusal::new(Problem::NotFound, "not-found", "the path is no route"))
        .with_state(Arc::clone(shared));
    let router = router.layer(from_fn_with_state(Arc::clone(shared), guard::<A, C>));
    // Outside of the guard, which writes the answers to refusals. A web page reads these too.
    match cross_origin(&shared.options) {
        Some(layer) => router.layer(layer),
        None => router,
    }
}

/// Returns the layer that lets web pages of `allowed_origins` call the exchange. `None` without
/// such.
fn cross_origin(options: &ExchangeOptions) -> Option<CorsLayer> {
    let origins = options
        .allowed_origins
        .iter()
        .map(|origin| HeaderValue::from_str(origin));
    let origins: Vec<_> = origins.filter_map(Result::ok).collect();
    (!origins.is_empty()).then(|| {
        CorsLayer::new()
            .allow_origin(origins)
            .allow_methods([Method::POST])
            .allow_headers([AUTHORIZATION, CONTENT_TYPE])
            .expose_headers([REQUEST_ID, RETRY_AFTER])
            // Browsers send no cookies without this.
            .allow_credentials(options.token_cookie.is_some())
            .max_age(PREFLIGHT_AGE)
    })
}

/// Issues a user JWT to a caller that proves its seed.
#[utoipa::path(
    post,
    path = "/v1/tokens",
    request_body = OwnBody,
    responses(
        (status = 201, description = "Issued", body = TokenAnswer<'_>),
        Refusals,
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn own_token<A: Authorizer, C: Clock + Clone>(
    State(shared): State<Arc<Shared<A, C>>>,
    Extension(context): Extension<RequestContext>,
    request: Request,
) -> Result<Response, Refusal> {
    let (head, body) = request.into_parts();
    let bearer = bearer(&head.headers, &shared.options)?;
    let body: OwnBody = read(&head.headers, body, shared.options.max_body).await?;
    let ask = body.ask()?;
    let account = ask.account.clone();
    let wanted = account.map(|account| wanted_account(&shared, account, false));
    let room = Arc::clone(&shared.room);
    let decided = async move {
        let issued = shared.exchange(&context, bearer, ask, wanted, ProofRoute::Own);
        Ok(issued.await?.as_json())
    };
    to_the_end(room, decided).await
}

/// Issues a user JWT, in the form of Overmind's connect.
#[utoipa::path(
    post,
    path = "/core/tokens",
    request_body = ConnectBody,
    responses(
        (status = 201, description = "Issued", body = String, content_type = "application/jwt"),
        Refusals,
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn core_token<A: Authorizer, C: Clock + Clone>(
    State(shared): State<Arc<Shared<A, C>>>,
    Extension(context): Extension<RequestContext>,
    request: Request,
) -> Result<Response, Refusal> {
    connect_token((shared, context), request.into_parts(), None).await
}

/// Issues a user JWT in a named account, in the form of Overmind's connect.
#[utoipa::path(
    post,
    path = "/admin/accounts/{name}/tokens",
    params(("name" = String, Path, description = "The account", pattern = "^[A-Za-z0-9_-]+$")),
    request_body = ConnectBody,
    responses(
        (status = 201, description = "Issued", body = String, content_type = "application/jwt"),
        Refusals,
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn admin_token<A: Authorizer, C: Clock + Clone>(
    State(shared): State<Arc<Shared<A, C>>>,
    Extension(context): Extension<RequestContext>,
    name: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, Refusal> {
    let name = name.map_err(|_| {
        let error = "the account in the path is not text";
        Refusal::new(Problem::BadRequest, "account", error)
    });
    connect_token((shared, context), request.into_parts(), Some(name)).await
}

/// Answers a request of Overmind's connect. `name` is the account in the path, if the route has
/// one.
async fn connect_token<A: Authorizer, C: Clock + Clone>(
    (shared, context): (Arc<Shared<A, C>>, RequestContext),
    (head, body): (request::Parts, axum::body::Body),
    name: Option<Result<Path<String>, Refusal>>,
) -> Result<Response, Refusal> {
    let bearer = bearer(&head.headers, &shared.options)?;
    let (wanted, route) = match name {
        None => (None, ProofRoute::Core),
        Some(name) => {
            let account = account(&name?.0)?;
            let wanted = wanted_account(&shared, account, true);
            (Some(wanted), ProofRoute::Admin)
        }
    };
    let body: ConnectBody = read(&head.headers, body, shared.options.max_body).await?;
    let ask = body.ask()?;
    let room = Arc::clone(&shared.room);
    let decided = async move {
        let issued = shared.exchange(&context, bearer, ask, wanted, route);
        Ok(issued.await?.into_jwt())
    };
    to_the_end(room, decided).await
}

/// Decides in a task of its own, if there is room. A caller that hangs up would otherwise escape
/// the throttle, and make room for another decision while a policy or a password hash still runs.
async fn to_the_end(
    room: Arc<Semaphore>,
    decided: impl Future<Output = Result<Response, Refusal>> + Send + 'static,
) -> Result<Response, Refusal> {
    let room = room.try_acquire_owned().map_err(|_| {
        let error = "too many decisions are in progress";
        Refusal::new(Problem::Unavailable, "overloaded", error)
    })?;
    let task = tokio::spawn(async move {
        let _room = room;
        decided.await
    });
    task.await.unwrap_or_else(|error| {
        let error = format!("the decision was not made: {error}");
        Err(Refusal::new(Problem::Internal, "internal", error))
    })
}

/// Issues a nonce for the proof of a seed.
#[utoipa::path(
    post,
    path = "/v1/nonces",
    responses(
        (status = 201, description = "Issued", body = NonceAnswer<'_>),
        Refusals,
    ),
)]
pub(crate) async fn nonce<A: Authorizer, C: Clock + Clone>(
    State(shared): State<Arc<Shared<A, C>>>,
) -> Response {
    let now = shared.clock.unix_seconds();
    let (nonce, expires) = shared.nonces.issue(now, &shared.randomness);
    shared.counters.nonce();
    answer::nonce(&nonce, expires)
}

/// Returns this description.
#[utoipa::path(
    get,
    path = "/openapi.json",
    responses((status = 200, description = "The description of the routes", body = Object)),
)]
pub(crate) async fn document<A: Authorizer, C: Clock + Clone>(
    State(shared): State<Arc<Shared<A, C>>>,
) -> Response {
    answer::described(shared.description.clone())
}

fn wanted_account<A, C>(
    shared: &Shared<A, C>,
    account: AccountName,
    needs_scope: bool,
) -> WantedAccount {
    WantedAccount {
        account,
        scope: shared.options.admin_scope.clone(),
        needs_scope,
    }
}
