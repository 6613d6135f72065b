//! A service that sends wrong answers on purpose. The host's own checks must reject every answer
//! that the server rejects.

use anyhow::{Context, Result, bail, ensure};
use async_nats::{Client, Subscriber};
use futures::StreamExt;
use nats_token::{AuthorizationResponseClaims, UserClaims};
use nkeys::KeyPair;
use portcullis_claims::{Expectations, Signatures, preflight};
use portcullis_harness::{Answer, CALLOUT, Credentials, Release, Site, Wire, log_in, unix_now};
use tokio::time::{Duration, timeout};

use crate::stage::{AUTH_ERROR, Config, expect_reason, listen, next, password};

/// The time after which a message counts as lost: longer than any message takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// The parts of a request that an answer must match.
pub(crate) struct Asked {
    user: String,
    server: String,
}

/// An answer before it is signed.
pub(crate) struct Draft {
    /// The user that the answer is about.
    pub(crate) user: String,
    /// The server that the answer is for.
    pub(crate) server: String,
    /// The time at which the user expires, in seconds since the Unix epoch; `None` for never.
    pub(crate) user_expires: Option<u64>,
    /// The time at which the answer expires, in seconds since the Unix epoch; `None` for never.
    pub(crate) response_expires: Option<u64>,
}

/// The service.
pub(crate) struct Faulty {
    site: Site,
    client: Client,
    requests: Subscriber,
}

impl Draft {
    /// Returns the answer of a correct service.
    pub(crate) fn good(asked: &Asked) -> Self {
        Self {
            user: asked.user.clone(),
            server: asked.server.clone(),
            user_expires: None,
            response_expires: None,
        }
    }

    fn sign(self, issuer: &KeyPair) -> Result<String> {
        let mut user = UserClaims::new(&self.user).context("no user")?;
        "FOO".clone_into(&mut user.claims.audience);
        user.claims.expires = i64::try_from(self.user_expires.unwrap_or(0))?;
        let mut response = AuthorizationResponseClaims::new(&self.user).context("no user")?;
        response.claims.audience = self.server;
        response.claims.expires = i64::try_from(self.response_expires.unwrap_or(0))?;
        response.authorization.jwt = Some(user.encode(issuer)?);
        Ok(response.encode(issuer)?)
    }
}

impl Faulty {
    /// Sends one correct answer, which the server must accept, and one made by `wrong`. The server
    /// must reject the wrong one for `reason`, and the host's checks must reject it too.
    pub(crate) async fn answers(
        release: Release,
        wrong: impl Fn(&Asked) -> Draft,
        reason: &str,
    ) -> Result<()> {
        let site = Site::create(release)?;
        let config = Config {
            accounts: "  FOO: {}",
            ..Config::GLOBAL
        };
        let server = site.start_server_with(&config.server(&site)).await?;
        let (user, secret) = Site::OBSERVER;
        let client = log_in(&server.url(), Credentials::Password(user, secret), "faulty").await?;
        let mut errors = listen(&client, AUTH_ERROR).await?;
        let mut service = Self {
            requests: listen(&client, CALLOUT).await?,
            client,
            site,
        };
        let (answer, _) = tokio::try_join!(knock(server.port()), service.answer(Draft::good))?;
        ensure!(
            answer == Answer::Admitted,
            "a good answer does not work: {answer:?}"
        );
        let (answer, held) = tokio::try_join!(knock(server.port()), service.answer(wrong))?;
        ensure!(answer.is_refused_without_reason(), "{answer:?}");
        let event = next(&mut errors).await?;
        expect_reason(&event, reason)?;
        let Err(refusal) = held else {
            bail!("the host's own checks let it pass");
        };
        let words = refusal.in_the_servers_words();
        expect_reason(
            &event,
            words.context("the host refuses it for another reason")?,
        )
    }

    /// Answers the next request. Returns the result of the host's own checks of the answer.
    async fn answer(
        &mut self,
        draft: impl Fn(&Asked) -> Draft,
    ) -> Result<Result<(), portcullis_claims::Refusal>> {
        let request = timeout(PATIENCE, self.requests.next()).await?;
        let request = request.context("no request")?;
        let token = std::str::from_utf8(&request.payload)?;
        let claims = nats_token::decode_authorization_request_claims(token)?;
        let asked = Asked {
            user: claims.request.user_nkey,
            server: claims.request.server_id.id,
        };
        let issuer = &self.site.keys.issuer;
        let answer = draft(&asked).sign(issuer)?;
        let expectations = Expectations {
            user_nkey: &asked.user,
            server_id: &asked.server,
            issuer: &issuer.public_key(),
            now: unix_now(),
        };
        let held = preflight(&answer, expectations, Signatures::Verify);
        let reply = request.reply.context("no reply subject")?;
        self.client.publish(reply, answer.into()).await?;
        self.client.flush().await?;
        Ok(held)
    }
}

async fn knock(port: u16) -> Result<Answer> {
    Wire::open(port)
        .await?
        .log_in(&password("hello", "world"))
        .await
}
