//! The token endpoint of an OAuth 2.0 authorization server (RFC 6749, section 3.2).

use std::fmt;
use std::time::Duration;

use data_encoding::BASE64;
use parking_lot::Mutex;
use portcullis_core::Secret;
use serde::Deserialize;
use serde_json::Value;
use url::Url;
use url::form_urlencoded::{Serializer, byte_serialize};
use zeroize::Zeroizing;

use super::jwt::Times;
use super::{TokenError, check_status, no_answer, unexpected};
use crate::http::{HttpOptions, HttpRequest, HttpResponse, InvalidEndpoint};
use crate::renewal::{Fetched, RenewalOptions};
use crate::secret::SecretSource;
use crate::shown::shown_text;

/// The id of an OAuth client, and its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientSecret {
    /// The id.
    pub id: String,
    /// The secret, read again for every request.
    pub secret: SecretSource,
}

/// The token endpoint of an authorization server, and the token that is requested there. `Debug`
/// does not show the query of the address.
#[derive(Clone)]
pub struct TokenEndpointOptions {
    /// The address.
    pub url: String,
    /// The service that the token is for, by name (`audience`). Default: none.
    pub audience: Option<String>,
    /// The service that the token is for, by address (`resource`, RFC 8707). Default: none.
    pub resource: Option<String>,
    /// The requested scopes. Default: none.
    pub scopes: Vec<String>,
    /// Further fields of each request, by name, for servers that want some. Default: none.
    pub parameters: Vec<(String, Secret)>,
    /// The options of the requests.
    pub http: HttpOptions,
    /// The times at which the token is renewed.
    pub renewal: RenewalOptions,
}

impl TokenEndpointOptions {
    /// Creates options with every default.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            audience: None,
            resource: None,
            scopes: Vec::new(),
            parameters: Vec::new(),
            http: HttpOptions::default(),
            renewal: RenewalOptions::default(),
        }
    }

    /// Returns the fields of a request: `own`, and those of all grants.
    pub(super) fn fields<const N: usize>(&self, own: [(&str, Option<String>); N]) -> Fields {
        let scope = (!self.scopes.is_empty()).then(|| self.scopes.join(" "));
        let shared = [
            ("audience", self.audience.clone()),
            ("resource", self.resource.clone()),
            ("scope", scope),
        ];
        let given = own.into_iter().chain(shared);
        let given = given.filter_map(|(name, value)| Some((name.to_owned(), Secret::new(value?))));
        given.chain(self.parameters.iter().cloned()).collect()
    }
}

impl fmt::Debug for TokenEndpointOptions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("TokenEndpointOptions")
            .field("url", &shown_text(&self.url))
            .field("audience", &self.audience)
            .field("resource", &self.resource)
            .field("scopes", &self.scopes)
            .field("parameters", &self.parameters)
            .field("http", &self.http)
            .field("renewal", &self.renewal)
            .finish()
    }
}

/// The reason for which the client of a service cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NewTokenClientError {
    /// The service's address cannot be used.
    #[error("the service's address cannot be used")]
    Endpoint(#[from] InvalidEndpoint),
    /// The user key cannot be made.
    #[error("cannot make a user key")]
    Key(#[source] portcullis_claims::KeyError),
    /// The path of a URL cannot name the account.
    #[error("`{0}` is not the name of an account")]
    Account(String),
}

/// A token endpoint, and the way to authenticate there that worked.
pub(crate) struct TokenEndpoint {
    url: Url,
    http: HttpOptions,
    client: Option<ClientSecret>,
    style: Mutex<Option<Style>>,
}

/// The place of the client's id and secret (RFC 6749, section 2.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Style {
    /// The header `Authorization: Basic …`.
    Basic,
    /// The fields `client_id` and `client_secret`.
    Form,
}

/// The fields of a form. A value can be secret.
pub(crate) type Fields = Vec<(String, Secret)>;

/// A successful answer (RFC 6749, section 5.1).
#[derive(Deserialize)]
struct Grant {
    access_token: String,
    #[serde(default)]
    expires_in: Value,
}

impl TokenEndpoint {
    pub(crate) fn new(
        options: TokenEndpointOptions,
        client: Option<ClientSecret>,
    ) -> Result<Self, InvalidEndpoint> {
        Ok(Self {
            url: options.http.endpoint(&options.url)?,
            http: options.http,
            client,
            style: Mutex::new(None),
        })
    }

    /// Requests a token. Authenticates in the header first, and in the form if that is refused.
    /// Remembers the way that worked.
    pub(crate) async fn request(&self, fields: &Fields) -> Result<Fetched<Secret>, TokenError> {
        let Some(client) = &self.client else {
            return self.granted(&self.send(fields, Vec::new()).await?);
        };
        let place = client.secret.clone();
        let read = tokio::task::spawn_blocking(move || place.read()).await;
        let secret = read.map_err(|_| TokenError::Interrupted)??;
        let known = *self.style.lock();
        let style = known.unwrap_or(Style::Basic);
        let answer = self.send_as(fields, client, &secret, style).await;
        let (style, response) = match answer {
            Err(error) if known.is_none() && error.is_refusal() => {
                let style = Style::Form;
                (style, self.send_as(fields, client, &secret, style).await?)
            }
            answer => (style, answer?),
        };
        *self.style.lock() = Some(style);
        self.granted(&response)
    }

    async fn send_as(
        &self,
        fields: &Fields,
        client: &ClientSecret,
        secret: &Secret,
        style: Style,
    ) -> Result<HttpResponse, TokenError> {
        if style == Style::Basic {
            let header = ("authorization".to_owned(), basic(&client.id, secret));
            return self.send(fields, vec![header]).await;
        }
        let mut fields = fields.clone();
        fields.push(("client_id".to_owned(), Secret::new(client.id.as_str())));
        fields.push(("client_secret".to_owned(), secret.clone()));
        self.send(&fields, Vec::new()).await
    }

    async fn send(
        &self,
        fields: &Fields,
        mut headers: Vec<(String, Secret)>,
    ) -> Result<HttpResponse, TokenError> {
        let kind = "application/x-www-form-urlencoded";
        headers.push(("content-type".to_owned(), Secret::new(kind)));
        headers.push(("accept".to_owned(), Secret::new("application/json")));
        let request = HttpRequest {
            url: self.url.clone(),
            headers,
            body: encode(fields),
        };
        let response = self.http.post(request).await;
        let response = response.map_err(|error| no_answer(&self.url, error))?;
        check_status(&self.url, response)
    }

    fn granted(&self, response: &HttpResponse) -> Result<Fetched<Secret>, TokenError> {
        let Ok(grant) = serde_json::from_str::<Grant>(response.body.expose()) else {
            return Err(unexpected(&self.url, "no json object with `access_token`"));
        };
        let value = Secret::new(grant.access_token);
        let text = value.expose();
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(unexpected(&self.url, "a token that no header can carry"));
        }
        // Without `expires_in`, the claims of a JWT may tell the lifetime.
        let lifetime = lifetime(&grant.expires_in);
        let lifetime = lifetime.or_else(|| Times::of(&value)?.lifetime());
        if lifetime == Some(Duration::ZERO) {
            return Err(unexpected(&self.url, "a token that has ended already"));
        }
        Ok(Fetched { value, lifetime })
    }
}

/// Returns the fields as the body of a form.
fn encode(fields: &Fields) -> Secret {
    let mut form = Serializer::new(String::new());
    form.extend_pairs(fields.iter().map(|(name, value)| (name, value.expose())));
    Secret::new(form.finish())
}

/// Returns the value of the header `Authorization` (RFC 6749, section 2.3.1: both parts are encoded
/// as in a form first).
fn basic(id: &str, secret: &Secret) -> Secret {
    let mut pair = Zeroizing::new(String::new());
    pair.extend(byte_serialize(id.as_bytes()));
    pair.push(':');
    pair.extend(byte_serialize(secret.expose().as_bytes()));
    Secret::new(format!("Basic {}", BASE64.encode(pair.as_bytes())))
}

/// Returns the lifetime, which some servers write as a text or with a fraction. `None` if the
/// answer has none, or a longer one than any clock counts.
fn lifetime(expires_in: &Value) -> Option<Duration> {
    let seconds = match expires_in {
        Value::String(text) => text.trim().parse::<f64>().ok()?,
        number => number.as_f64()?,
    };
    // Unlike `max`, this leaves a text such as `NaN` what it is, which no duration is.
    Duration::try_from_secs_f64(seconds.clamp(0.0, f64::MAX)).ok()
}
