//! The issuer's configuration, and the keys that it names.

use std::sync::Arc;

use serde::Deserialize;
use url::Url;

use super::error::FetchError;
use super::http::{HttpClient, HttpRequest};
use super::source::allowed;
use crate::oidc::IssuerOptions;
use crate::oidc::error::shown;

/// The relevant fields of an issuer's configuration (`OpenID` Connect Discovery 1.0, section 3).
#[derive(Deserialize)]
struct Configuration {
    issuer: String,
    jwks_uri: String,
}

/// Fetches the issuer's configuration, then the keys from the address that it names.
pub(super) async fn discover(
    http: &dyn HttpClient,
    url: &Url,
    options: &Arc<IssuerOptions>,
) -> Result<(String, Vec<u8>), FetchError> {
    let (origin, json) = get(http, url, url, options).await?;
    let Ok(found) = serde_json::from_slice::<Configuration>(&json) else {
        let problem = "not an issuer's configuration: expected `issuer` and `jwks_uri`";
        return Err(FetchError::Unexpected { origin, problem });
    };
    if found.issuer != options.issuer {
        let found = shown(&found.issuer);
        return Err(FetchError::WrongIssuer { url: origin, found });
    }
    let keys = Url::parse(&found.jwks_uri).map_err(|_| "it is not a URL");
    let keys = keys.and_then(|keys| allowed(&keys, options.allow_http).map(|()| keys));
    match keys {
        Ok(keys) => {
            let got = get(http, &keys, url, options).await;
            got.map_err(|error| explained(error, &keys, url, options))
        }
        Err(problem) => Err(FetchError::KeysUrl {
            url: origin,
            problem,
        }),
    }
}

/// Explains an error for keys at the address that discovery names. A missing token can be the
/// reason.
fn explained(
    error: FetchError,
    keys: &Url,
    configured: &Url,
    options: &IssuerOptions,
) -> FetchError {
    let is_without_token =
        options.bearer_token_file.is_some() && keys.origin() != configured.origin();
    match error {
        FetchError::Status {
            url,
            status: status @ (401 | 403),
        } if is_without_token => FetchError::TokenNotSent {
            url,
            status,
            configured: configured.origin().ascii_serialization(),
        },
        error => error,
    }
}

/// Fetches `url`. Returns its name and content. Sends the bearer token to the origin of
/// `configured` only.
pub(super) async fn get(
    http: &dyn HttpClient,
    url: &Url,
    configured: &Url,
    options: &Arc<IssuerOptions>,
) -> Result<(String, Vec<u8>), FetchError> {
    let request = HttpRequest {
        url: url.clone(),
        options: Arc::clone(options),
        sends_token: url.origin() == configured.origin(),
    };
    let content = http.get(request).await?;
    Ok((url.to_string(), content))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use parking_lot::Mutex;

    use super::*;
    use crate::oidc::fetch::http::HttpAnswer;
    use crate::oidc::testing::{ISSUER, options};

    /// A provider without a network. It records which requests would carry the token.
    #[derive(Debug, Default)]
    struct Documents {
        by_url: HashMap<String, String>,
        asked: Mutex<Vec<(String, bool)>>,
    }

    impl HttpClient for Documents {
        fn get(&self, request: HttpRequest) -> HttpAnswer<'_> {
            let url = request.url.to_string();
            let asked = (url.clone(), request.sends_token);
            self.asked.lock().push(asked);
            let found = self.by_url.get(&url).map(|text| text.clone().into_bytes());
            Box::pin(async move { found.ok_or(FetchError::Status { url, status: 401 }) })
        }
    }

    fn provider(keys: &str) -> (Documents, Url) {
        let configuration = format!(r#"{{"issuer":"{ISSUER}","jwks_uri":"{keys}"}}"#);
        let url = Url::parse("https://idp.example/configuration").unwrap();
        let by_url = HashMap::from([(url.to_string(), configuration)]);
        let documents = Documents {
            by_url,
            ..Documents::default()
        };
        (documents, url)
    }

    #[tokio::test]
    async fn the_token_goes_to_the_configured_origin_only() {
        for (keys, sends_token) in [
            ("https://idp.example/keys", true),
            ("https://keys.example/keys", false),
        ] {
            let (mut documents, url) = provider(keys);
            documents.by_url.insert(keys.to_owned(), "{}".to_owned());
            let options = Arc::new(options());
            let got = discover(&documents, &url, &options).await.unwrap();
            assert_eq!(got, (keys.to_owned(), b"{}".to_vec()));
            let asked = documents.asked.into_inner();
            assert_eq!(
                asked,
                [(url.to_string(), true), (keys.to_owned(), sends_token)]
            );
        }
    }

    #[tokio::test]
    async fn keys_that_need_the_token_at_another_origin_name_the_way_out() {
        let (documents, url) = provider("https://keys.example/keys");
        let options = Arc::new(IssuerOptions {
            bearer_token_file: Some("token".into()),
            ..options()
        });
        let error = discover(&documents, &url, &options).await.unwrap_err();
        assert!(
            matches!(error, FetchError::TokenNotSent { status: 401, .. }),
            "{error}"
        );
    }
}
