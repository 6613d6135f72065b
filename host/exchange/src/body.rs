//! The bodies of requests, and what a caller asks for in them.

use std::error::Error;
use std::time::Duration;

use axum::body::Body;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use portcullis_claims::{KeyKind, PublicKey};
use portcullis_core::AccountName;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use utoipa::ToSchema;

use crate::object::Object;
use crate::problem::{Problem, Refusal};
use crate::proof::Proof;

/// Maximum length of a name, in bytes.
const MAX_NAME: usize = 256;

/// The body of `POST /v1/tokens`.
// serde refuses keys that are doubled or unknown.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OwnBody {
    /// The public user nkey (`U…`) that the user JWT is for.
    #[schema(pattern = "^U[A-Z2-7]{55}$")]
    #[schema(example = "UACPRGLNU5R3PKLJWEBI5YYAOVU6V45GGVEG3WVSCHKRFSC3TX4PW42R")]
    nkey: String,
    /// A name for the user, at most 256 bytes.
    #[schema(max_length = 256, pattern = "^[^\\x00-\\x1F\\x7F-\\x9F]*$")]
    name: Option<String>,
    /// The wanted account.
    #[schema(pattern = "^[A-Za-z0-9_-]+$")]
    account: Option<String>,
    /// The wanted lifetime, in seconds.
    #[schema(minimum = 1)]
    lifetime: Option<u64>,
    #[schema(value_type = Option<Proof>)]
    proof: Option<Object<Proof>>,
}

/// The body of Overmind's routes, in which a proof may stand too.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConnectBody {
    /// The public user nkey (`U…`) that the user JWT is for.
    #[schema(pattern = "^U[A-Z2-7]{55}$")]
    #[schema(example = "UACPRGLNU5R3PKLJWEBI5YYAOVU6V45GGVEG3WVSCHKRFSC3TX4PW42R")]
    user_pub_key: String,
    /// A name for the user, at most 256 bytes.
    #[schema(max_length = 256, pattern = "^[^\\x00-\\x1F\\x7F-\\x9F]*$")]
    user_name: Option<String>,
    #[schema(value_type = Option<Proof>)]
    proof: Option<Object<Proof>>,
}

/// What a caller asks for.
#[derive(Debug)]
pub(crate) struct Ask {
    /// User nkey that the user JWT is for.
    pub(crate) nkey: PublicKey,
    /// Name that the caller gives itself.
    pub(crate) name: Option<String>,
    pub(crate) account: Option<AccountName>,
    pub(crate) lifetime: Option<Duration>,
    /// Proof that the caller holds the seed of `nkey`, not verified yet.
    pub(crate) proof: Option<Proof>,
}

fn malformed(reason: &'static str, error: impl Into<String>) -> Refusal {
    Refusal::new(Problem::BadRequest, reason, error)
}

/// Reads a body of JSON with at most `max` bytes.
pub(crate) async fn read<T: DeserializeOwned>(
    headers: &HeaderMap,
    body: Body,
    max: usize,
) -> Result<T, Refusal> {
    if !is_json(headers) {
        let error = "the header `Content-Type` does not name `application/json`";
        let problem = Problem::UnsupportedMediaType;
        return Err(Refusal::new(problem, "content-type", error));
    }
    let bytes = match Limited::new(body, max).collect().await {
        Ok(collected) => collected.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => {
            let error = format!("the body has more than {max} bytes");
            return Err(Refusal::new(Problem::TooLarge, "body-too-large", error));
        }
        Err(error) => return Err(malformed("body", cause(&*error))),
    };
    let Object(body) =
        serde_json::from_slice(&bytes).map_err(|error| malformed("json", described(&error)))?;
    Ok(body)
}

/// Returns what is wrong with JSON. An error of serde can show a value, such as a misplaced seed.
fn described(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let what = if text.starts_with("duplicate field") || text.starts_with("missing field") {
        text.split(" at line").next().unwrap_or_default().to_owned()
    } else if text.starts_with("unknown field") {
        "unknown field".to_owned()
    } else {
        "not the expected json".to_owned()
    };
    format!("{what} at line {} column {}", error.line(), error.column())
}

fn cause(error: &(dyn Error + Send + Sync)) -> String {
    error.to_string().escape_debug().to_string()
}

fn is_json(headers: &HeaderMap) -> bool {
    let content_type = headers.get(CONTENT_TYPE);
    let content_type = content_type.and_then(|value| value.to_str().ok());
    let essence = content_type.and_then(|value| value.split(';').next());
    essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
}

impl OwnBody {
    pub(crate) fn ask(self) -> Result<Ask, Refusal> {
        let nkey = user_key(&self.nkey)?;
        let lifetime = match self.lifetime {
            Some(0) => return Err(malformed("lifetime", "`lifetime` is zero")),
            lifetime => lifetime.map(Duration::from_secs),
        };
        Ok(Ask {
            proof: self.proof.map(|Object(proof)| proof),
            name: named(self.name)?,
            account: self.account.as_deref().map(account).transpose()?,
            lifetime,
            nkey,
        })
    }
}

impl ConnectBody {
    pub(crate) fn ask(self) -> Result<Ask, Refusal> {
        let nkey = user_key(&self.user_pub_key)?;
        Ok(Ask {
            proof: self.proof.map(|Object(proof)| proof),
            name: named(self.user_name)?,
            account: None,
            lifetime: None,
            nkey,
        })
    }
}

/// Returns the name of an account. The pattern is that of Overmind's API, without the characters
/// between `Z` and `a` that its authors hardly meant, and with the underscore.
pub(crate) fn account(text: &str) -> Result<AccountName, Refusal> {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let name = text.bytes().all(is_letter).then(|| text.parse());
    match name {
        Some(Ok(name)) => Ok(name),
        _ => Err(malformed("account", "the account is not a name")),
    }
}

fn user_key(text: &str) -> Result<PublicKey, Refusal> {
    // The error does not show the text, which may be a misplaced seed.
    match text.parse::<PublicKey>() {
        Ok(key) if key.kind() == KeyKind::User => Ok(key),
        Ok(key) => {
            let error = format!("the nkey is of the kind `{}`, not a user's", key.kind());
            Err(malformed("nkey", error))
        }
        Err(error) => Err(malformed("nkey", error.to_string())),
    }
}

/// Returns the name. A client without one may send an empty text.
fn named(name: Option<String>) -> Result<Option<String>, Refusal> {
    let Some(name) = name.filter(|name| !name.is_empty()) else {
        return Ok(None);
    };
    if name.len() > MAX_NAME || name.chars().any(char::is_control) {
        let error = format!("the name is longer than {MAX_NAME} bytes or has control characters");
        return Err(malformed("name", error));
    }
    Ok(Some(name))
}
