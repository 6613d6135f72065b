//! Requests as a server signs them, and the check that their answers are permits.

use std::thread;

use anyhow::{Context, Result, bail, ensure};
use nkeys::XKey;
use portcullis_harness::{RequestSigner, set, unix_now};
use serde_json::{Map, Value, json};

use crate::Contender;

/// The lifetime of requests, in seconds. They are signed some time before they are sent; hosts
/// accept at most a minute.
const IN_FORCE: u64 = 55;
/// The number of threads that sign and verify.
const THREADS: usize = 2;

/// A server that signs requests, and encrypts them if the receiver has a curve key. Every request
/// presents the same credentials, and must get [`Contender::PERMISSIONS`] in
/// [`Contender::ACCOUNT`].
#[derive(Debug)]
pub struct Questions {
    signer: RequestSigner,
    issuer: String,
    presented: Map<String, Value>,
    curve: Option<Curve>,
}

/// The server's curve key, and the receiver's public one.
#[derive(Debug)]
struct Curve {
    server: XKey,
    receiver: XKey,
}

/// A request, and the user key that it is about.
#[derive(Debug)]
pub(super) struct Question {
    user_nkey: String,
    pub(super) payload: Vec<u8>,
}

impl Questions {
    /// Creates the requests of a server that trusts the account key `issuer`. They are encrypted
    /// for the curve key `receiver`, if there is one. `presented` has the client's CONNECT options.
    ///
    /// # Errors
    ///
    /// Fails if the curve key is invalid, or `presented` is not a JSON object.
    pub fn new(issuer: &str, receiver: Option<&XKey>, presented: Value) -> Result<Self> {
        let Value::Object(presented) = presented else {
            bail!("what is presented is no object");
        };
        let receiver = receiver.map(|xkey| XKey::from_public_key(&xkey.public_key()));
        let curve = receiver.transpose()?.map(|receiver| Curve {
            server: XKey::new(),
            receiver,
        });
        Ok(Self {
            signer: RequestSigner::new(issuer),
            issuer: issuer.to_owned(),
            presented,
            curve,
        })
    }

    /// Returns the server's curve key for the header of requests; `None` if they are not encrypted.
    pub(super) fn xkey(&self) -> Option<String> {
        Some(self.curve.as_ref()?.server.public_key())
    }

    /// Returns `count` requests, each about a different user.
    pub(super) fn ask(&self, count: usize) -> Result<Vec<Question>> {
        let each = count.div_ceil(THREADS);
        let sign = || (0..each).map(|_| self.question()).collect();
        thread::scope(|scope| {
            let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(sign)).collect();
            let mut questions = Vec::with_capacity(count);
            for thread in threads {
                let signed: Result<Vec<_>> = thread.join().ok().context("signing panicked")?;
                questions.extend(signed?);
            }
            questions.truncate(count);
            Ok(questions)
        })
    }

    fn question(&self) -> Result<Question> {
        let mut claims = self.signer.claims("");
        let connect = object(&mut claims, "/nats/connect_opts")?;
        connect.remove("auth_token");
        connect.extend(self.presented.clone());
        set(&mut claims, "/exp", json!(unix_now() + IN_FORCE))?;
        if let Some(curve) = &self.curve {
            let server = object(&mut claims, "/nats/server_id")?;
            server.insert("xkey".to_owned(), json!(curve.server.public_key()));
        }
        let user = claims.pointer("/nats/user_nkey");
        let user = user.and_then(|user| user.as_str());
        let user_nkey = user.context("no user in the claims")?.to_owned();
        let token = self.signer.sign(&claims)?.into_bytes();
        let payload = match &self.curve {
            Some(curve) => curve.server.seal(&token, &curve.receiver)?,
            None => token,
        };
        Ok(Question { user_nkey, payload })
    }

    /// Returns the number of answers that are not permits for their request.
    pub(super) fn wrong(&self, answered: &[(&Question, Vec<u8>)]) -> Result<usize> {
        let wrong = |part: &[(&Question, Vec<u8>)]| {
            let good =
                |(question, answer): &&(&Question, Vec<u8>)| self.check(question, answer).is_err();
            part.iter().filter(good).count()
        };
        thread::scope(|scope| {
            let parts = answered.chunks(answered.len().div_ceil(THREADS).max(1));
            let threads: Vec<_> = parts.map(|part| scope.spawn(move || wrong(part))).collect();
            let counts = threads.into_iter().map(|thread| thread.join().ok());
            let counts: Option<Vec<usize>> = counts.collect();
            Ok(counts.context("checking panicked")?.iter().sum())
        })
    }

    /// Verifies an answer as a server does: both signatures, the user key, and the permissions.
    fn check(&self, question: &Question, answer: &[u8]) -> Result<()> {
        let opened = self.curve.as_ref().map(|curve| {
            let opened = curve.server.open(answer, &curve.receiver);
            opened.context("the answer is not encrypted")
        });
        let opened = opened.transpose()?;
        let answer = std::str::from_utf8(opened.as_deref().unwrap_or(answer))?;
        let response = nats_token::decode_authorization_response_claims(answer)?;
        ensure!(
            response.claims.subject == question.user_nkey,
            "another user"
        );
        ensure!(
            response.claims.audience == self.signer.server_key(),
            "for another server"
        );
        ensure!(response.claims.issuer == self.issuer, "another issuer");
        let user = response.authorization.jwt.unwrap_or_default();
        let user = nats_token::decode_user_claims(&user)?;
        ensure!(user.claims.subject == question.user_nkey, "another user");
        ensure!(user.claims.issuer == self.issuer, "another issuer");
        ensure!(
            user.claims.audience == Contender::ACCOUNT,
            "no such account"
        );
        let (publish, subscribe) = Contender::PERMISSIONS;
        let granted = serde_json::to_value(&user.user.permissions)?;
        let expected = json!({ "pub": { "allow": publish }, "sub": { "allow": subscribe } });
        ensure!(granted == expected, "{granted} is permitted");
        Ok(())
    }
}

/// Returns the object in `claims` at a JSON pointer.
fn object<'claims>(
    claims: &'claims mut Value,
    pointer: &str,
) -> Result<&'claims mut Map<String, Value>> {
    let object = claims.pointer_mut(pointer).and_then(Value::as_object_mut);
    object.with_context(|| format!("no object `{pointer}`"))
}
