//! An authorization server and an exchange at one address of this machine.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use data_encoding::BASE64URL_NOPAD;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use portcullis_claims::{IssuerKey, PublicKey, UserClaims, VerifyingKey as _};
use portcullis_core::Permit;
use serde_json::{Value, json};
use tokio::net::TcpListener;

const NONCE: &str = "a-nonce";

/// The address of both services, and what they have done.
pub(crate) struct Service {
    pub(crate) url: String,
    state: Arc<State>,
}

struct State {
    /// The key of the account that users are placed in.
    account: IssuerKey,
    /// The lifetime of a user JWT.
    lifetime: Duration,
    issued: Mutex<Vec<Issued>>,
}

/// A user JWT that the exchange has issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Issued {
    /// The path of the request.
    pub(crate) path: String,
    /// The public key of the user.
    pub(crate) nkey: String,
    /// The id of the JWT.
    pub(crate) id: String,
}

impl Service {
    /// Starts both services. User JWTs are signed by the account key of `seed`.
    pub(crate) async fn start(seed: &str, lifetime: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(State {
            account: IssuerKey::from_seed(seed).unwrap(),
            lifetime,
            issued: Mutex::default(),
        });
        let shared = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let state = Arc::clone(&shared);
                let service = service_fn(move |request| serve(request, Arc::clone(&state)));
                let stream = TokioIo::new(stream);
                tokio::spawn(http1::Builder::new().serve_connection(stream, service));
            }
        });
        Self { url, state }
    }

    /// Returns the user JWTs that the exchange has issued.
    pub(crate) fn issued(&self) -> Vec<Issued> {
        self.state.issued.lock().clone()
    }
}

async fn serve(
    request: Request<Incoming>,
    state: Arc<State>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let path = request.uri().path().to_owned();
    let authorization = request.headers().get("authorization").cloned();
    let authorization = authorization.map(|value| value.to_str().unwrap().to_owned());
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let (status, body) = answer(&state, &path, authorization.as_deref(), &body);
    let response = Response::builder().status(status).body(body.into());
    Ok(response.unwrap())
}

fn answer(state: &State, path: &str, authorization: Option<&str>, body: &[u8]) -> (u16, String) {
    if path == "/token" {
        // Clients authenticate in the form only.
        let form = str::from_utf8(body).unwrap();
        if authorization.is_some() || !form.contains("client_secret=s3cret") {
            return (401, json!({ "error": "invalid_client" }).to_string());
        }
        let grant = json!({ "access_token": "a-token", "token_type": "bearer", "expires_in": 300 });
        return (200, grant.to_string());
    }
    if path == "/v1/nonces" {
        return (200, json!({ "nonce": NONCE, "expires": 0 }).to_string());
    }
    if authorization != Some("Bearer a-token") {
        return (401, String::new());
    }
    let body: Value = serde_json::from_slice(body).unwrap();
    if path == "/v1/tokens" {
        let nkey = body["nkey"].as_str().unwrap();
        if !proves(nkey, &body["proof"]) {
            return (400, json!({ "type": "urn:proof-rejected" }).to_string());
        }
        let jwt = state.issue(path, nkey);
        return (200, json!({ "jwt": jwt }).to_string());
    }
    let nkey = body["user_pub_key"].as_str().unwrap();
    (201, state.issue(path, nkey))
}

/// Returns whether the caller has signed the nonce with its key.
fn proves(nkey: &str, proof: &Value) -> bool {
    let signature = proof["signature"].as_str().unwrap_or_default();
    let signature = BASE64URL_NOPAD.decode(signature.as_bytes());
    let signed = format!("portcullis-exchange-v1\n{NONCE}\n{nkey}");
    let key: PublicKey = nkey.parse().unwrap();
    proof["nonce"] == NONCE && key.verifies(signed.as_bytes(), &signature.unwrap_or_default())
}

impl State {
    fn issue(&self, path: &str, nkey: &str) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let mut issued = self.issued.lock();
        let mut permit = Permit::builder("APP", now.as_secs());
        permit.publish_allow(">");
        permit.subscribe_allow(">");
        permit.expires_at((now + self.lifetime).as_secs());
        // The number makes each id different.
        permit.user_name(&format!("user-{}", issued.len()));
        let permit = permit.finish().unwrap();
        let claims = UserClaims::from_permit(nkey, &permit, now.as_secs()).in_operator_mode(None);
        let jwt = claims.sign(&self.account).unwrap();
        let claims = UserClaims::decode(&jwt).unwrap();
        issued.push(Issued {
            path: path.to_owned(),
            nkey: nkey.to_owned(),
            id: claims.id.unwrap(),
        });
        jwt
    }
}
