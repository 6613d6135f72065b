//! The requests of both protocols, and their answers.

use data_encoding::BASE64URL_NOPAD;
use portcullis_core::Secret;
use serde::{Deserialize, Serialize};
use url::Url;

use super::Requests;
use crate::http::{HttpRequest, HttpResponse};
use crate::token::{Token, TokenError, check_status, no_answer, unexpected};

/// The first line of the text that the client signs, so that the signature proves nothing to
/// another service.
const PROOF_CONTEXT: &str = "portcullis-exchange-v1";

/// A request of `POST /v1/tokens`.
#[derive(Serialize)]
struct V1Request<'a> {
    nkey: &'a str,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<&'a str>,
    /// In seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    lifetime: Option<u64>,
    proof: Proof,
}

/// The proof that the client holds the key.
#[derive(Serialize)]
struct Proof {
    nonce: String,
    /// The signature, in base64url without padding.
    signature: String,
}

#[derive(Deserialize)]
struct NonceAnswer {
    nonce: String,
}

#[derive(Deserialize)]
struct V1Answer {
    jwt: String,
}

/// A request of the core protocol.
#[derive(Serialize)]
struct CoreRequest<'a> {
    user_pub_key: &'a str,
    user_name: &'a str,
}

impl Requests {
    /// Returns the address and the user JWT of its answer.
    pub(super) async fn ask_v1(&self, token: &Token) -> Result<(Url, Secret), TokenError> {
        let url = self.path(&["v1", "nonces"]);
        let answer = self
            .post(&url, None, "application/json", "{}".to_owned())
            .await?;
        let Ok(NonceAnswer { nonce }) = serde_json::from_str(answer.body.expose()) else {
            return Err(unexpected(&url, "no json object with `nonce`"));
        };
        let nkey = self.key.public_key();
        let signed = format!("{PROOF_CONTEXT}\n{nonce}\n{nkey}");
        let signature = self.key.sign(signed.as_bytes()).map_err(TokenError::Key)?;
        let request = V1Request {
            nkey,
            name: &self.options.user_name,
            account: self.options.account.as_deref(),
            // The request has whole seconds. Less than one would be a JWT that has ended.
            lifetime: self.options.lifetime.map(|lifetime| {
                let rest = u64::from(lifetime.subsec_nanos() > 0);
                lifetime.as_secs().saturating_add(rest)
            }),
            proof: Proof {
                nonce,
                signature: BASE64URL_NOPAD.encode(&signature),
            },
        };
        let url = self.path(&["v1", "tokens"]);
        let body = json(&request)?;
        let answer = self
            .post(&url, Some(token), "application/json", body)
            .await?;
        let Ok(V1Answer { jwt }) = serde_json::from_str(answer.body.expose()) else {
            return Err(unexpected(&url, "no json object with `jwt`"));
        };
        Ok((url, Secret::new(jwt)))
    }

    /// Returns the address and the user JWT of its answer.
    pub(super) async fn ask_core(&self, token: &Token) -> Result<(Url, Secret), TokenError> {
        let url = match &self.options.account {
            None => self.path(&["core", "tokens"]),
            Some(account) => self.path(&["admin", "accounts", account, "tokens"]),
        };
        let body = json(&CoreRequest {
            user_pub_key: self.key.public_key(),
            user_name: &self.options.user_name,
        })?;
        let answer = self
            .post(&url, Some(token), "application/jwt", body)
            .await?;
        Ok((url, answer.body))
    }

    async fn post(
        &self,
        url: &Url,
        token: Option<&Token>,
        accepted: &str,
        body: String,
    ) -> Result<HttpResponse, TokenError> {
        let mut headers = vec![
            ("content-type".to_owned(), Secret::new("application/json")),
            ("accept".to_owned(), Secret::new(accepted)),
        ];
        headers.extend(token.map(Token::as_header));
        let request = HttpRequest {
            url: url.clone(),
            headers,
            body: Secret::new(body),
        };
        let response = self.options.http.post(request).await;
        let response = response.map_err(|error| no_answer(url, error))?;
        check_status(url, response)
    }

    /// Returns the base address with these segments appended, each of them escaped.
    fn path(&self, segments: &[&str]) -> Url {
        let mut url = self.url.clone();
        // Every URL of HTTP has a path that can be extended.
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        url
    }
}

/// Writes a request, which consists of texts and numbers, so that this cannot fail.
fn json(request: &impl Serialize) -> Result<String, TokenError> {
    serde_json::to_string(request).map_err(|_| TokenError::Interrupted)
}
