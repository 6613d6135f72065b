//! Invalid tokens: the host refuses each before a policy decides, and the client does not learn the
//! reason.

use anyhow::{Context, Result};
use data_encoding::BASE64URL_NOPAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use portcullis_harness::{
    Credentials, ForeignClient, Forgery, Provider, Release, changed, unix_now,
};
use rstest::rstest;
use serde_json::{Value, json};

use super::{HOUR, ROLES, Trusting, claims};

/// Returns a token of `issuer` with an invalid signature.
pub(super) fn sample(issuer: &str) -> String {
    let header = json!({ "alg": "RS256", "kid": "first" });
    let payload =
        json!({ "iss": issuer, "aud": Provider::AUDIENCE, "exp": unix_now() + u64::from(HOUR) });
    let write = |value: &Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
    format!("{}.{}.{}", write(&header), write(&payload), "A".repeat(342))
}

#[rstest]
#[tokio::test]
async fn a_token_that_proves_nothing_is_refused_with_a_reason_that_only_the_operator_sees(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let mut trusting = Trusting::start(release, ROLES, "required-claims = [\"email\"]").await?;
    let good = trusting.token(&["reader"]).await?;
    trusting.expect(&good, "good", None).await?;
    let mut stranger = Provider::start().await?;
    let elsewhere = trusting
        .provider
        .access_token_for("urn:billing", &claims(&[]), HOUR)
        .await?;
    let nameless = trusting.provider.access_token(&json!({}), HOUR).await?;
    let foreign = stranger.access_token(&claims(&["reader"]), HOUR).await?;
    let cases = [
        ("other-audience", elsewhere, "audience"),
        ("other-issuer", foreign, "issuer"),
        ("missing-claim", nameless, "email"),
        ("unsigned", unsigned(&good)?, "signed"),
        ("hmac", signed_with_the_public_key(&good)?, "HS256"),
        // First of those that cause a fetch: in a cool-down, an unknown key is no rejection.
        ("unknown-key", Forgery::KeyId.of(&good, 0)?, "invented"),
        (
            "changed",
            changed(&good, |_, payload| set(payload, "roles", json!(["writer"])))?,
            "signature",
        ),
        ("marked", "Bearer opaque".to_owned(), "opaque"),
    ];
    for (name, token, told) in cases {
        let reason = trusting
            .expect(&token, name, Some("identity-rejected"))
            .await?;
        assert!(reason.contains(told), "{name}: {reason}");
        let client = ForeignClient::Python;
        let credentials = Credentials::Token(&token);
        let session = client
            .run(
                &trusting.server.url(),
                credentials,
                &format!("{name}-again"),
                &[],
            )
            .await?;
        assert!(session.is_refused_without_reason(), "{name}: {session:?}");
    }
    Ok(())
}

/// Returns the token with `alg: none` and without a signature, as an attacker would send it.
fn unsigned(token: &str) -> Result<String> {
    let token = changed(token, |header, _| set(header, "alg", json!("none")))?;
    let (signed, _) = token.rsplit_once('.').context("no signature")?;
    Ok(format!("{signed}."))
}

/// Returns the token with an HMAC whose secret is the provider's public key, which an attacker
/// knows.
fn signed_with_the_public_key(token: &str) -> Result<String> {
    let payload = token.split('.').nth(1).context("no payload")?;
    let payload: Value = serde_json::from_slice(&BASE64URL_NOPAD.decode(payload.as_bytes())?)?;
    let mut header = Header::new(Algorithm::HS256);
    header.kid = Some("first".to_owned());
    let secret = EncodingKey::from_secret(b"-----BEGIN PUBLIC KEY-----");
    Ok(encode(&header, &payload, &secret)?)
}

fn set(object: &mut Value, name: &str, value: Value) {
    if let Some(object) = object.as_object_mut() {
        object.insert(name.to_owned(), value);
    }
}
