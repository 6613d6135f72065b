//! A listener for the authorization requests of servers.
//!
//! This command listens in a queue group of its own, so that it takes no login from a host. It
//! answers no request, and reads only those of its own logins.

use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::{BoxStream, SelectAll, select_all};
use portcullis_callout::{AUTH_REQUESTS, QueueGroup, inspect_own_user};
use portcullis_claims::{CurveKey, KnownSigners, OpenedRequest, PublicKey, is_sealed};
use portcullis_config::{Config, Secrets};
use portcullis_connect::{Connection, Message};
use portcullis_core::{Secret, with_causes};
use portcullis_environment::{Clock as _, SystemClock};
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::servers::NAME;
use crate::doctor::evidence::{ObservedRequest, ReadRequest};

/// The header that names the xkey of a server that encrypts.
const XKEY_HEADER: &str = "Nats-Server-Xkey";

/// Time that a request may take longer than the server's answer to the login.
const GRACE: Duration = Duration::from_secs(2);

/// A listener for the requests of servers, over all connections.
pub(super) struct Listener<'a> {
    config: &'a Config,
    /// The keys that open requests. Empty if the host expects plain ones.
    xkeys: Vec<CurveKey>,
    requests: SelectAll<BoxStream<'static, Message>>,
}

impl<'a> Listener<'a> {
    /// Subscribes on every connection.
    pub(super) async fn start(
        config: &'a Config,
        secrets: Option<&Secrets>,
        connections: &[Option<Connection>],
    ) -> Result<Self, String> {
        let secrets = secrets.ok_or("the secrets of the configuration are invalid")?;
        let others = secrets.other_keys.iter();
        let others = others.filter_map(|keys| keys.xkey_seed.as_ref());
        let seeds = secrets.xkey_seed.iter().chain(others);
        let xkeys = seeds.map(|seed| CurveKey::from_seed(seed.expose()));
        let xkeys = xkeys
            .collect::<Result<_, _>>()
            .map_err(|error| with_causes(&error))?;
        let group = QueueGroup {
            name: NAME.to_owned(),
            ..portcullis::queue_group(config)
        };
        let mut subscriptions = Vec::new();
        for connection in connections.iter().flatten() {
            let client = connection.client();
            let user = inspect_own_user(client, &group, false, &[]).await;
            let denied = user.missing.iter().any(|it| it.subject == AUTH_REQUESTS);
            if denied {
                return Err(format!(
                    "the host's user may not subscribe to `{AUTH_REQUESTS}` in queue group `{NAME}`: allow it without \
                     a queue group, or with this one too"
                ));
            }
            let subscribed = client.queue_subscribe(AUTH_REQUESTS, NAME.to_owned()).await;
            let subscription = subscribed.map_err(|error| with_causes(&error))?;
            // The server handles requests in order, so its answer confirms the subscription.
            inspect_own_user(client, &group, false, &[]).await;
            subscriptions.push(subscription.boxed());
        }
        if subscriptions.is_empty() {
            return Err("no connection to a server was made".to_owned());
        }
        Ok(Self {
            config,
            xkeys,
            requests: select_all(subscriptions),
        })
    }

    /// Listens until `login` has an answer, and for a request that arrives later than that.
    pub(super) async fn observe<T>(
        &mut self,
        mark: &str,
        login: impl Future<Output = T>,
    ) -> (T, Option<ObservedRequest>) {
        let mut found = None;
        tokio::pin!(login);
        let answer = loop {
            tokio::select! {
                answer = &mut login => break answer,
                Some(message) = self.requests.next() => self.record(&message, mark, &mut found),
            }
        };
        let late = async {
            while found.is_none() {
                match self.requests.next().await {
                    Some(message) => self.record(&message, mark, &mut found),
                    None => return,
                }
            }
        };
        // Without a request, the server has decided by itself.
        let _ = timeout(GRACE, late).await;
        (answer, found)
    }

    /// Records what a message shows, if it concerns the login that presents `mark`. A request that
    /// cannot be read may be of another login. It shows the same about the keys.
    fn record(&self, message: &Message, mark: &str, found: &mut Option<ObservedRequest>) {
        let now = SystemClock.unix_seconds();
        let sealed = is_sealed(&message.payload);
        let mut opened = self.xkeys.iter().filter_map(|xkey| open(xkey, message));
        let read = match (sealed, self.xkeys.is_empty()) {
            (false, _) => self.read(&message.payload, false, mark, now),
            (true, true) => Some(ObservedRequest::Encrypted),
            (true, false) => match opened.next() {
                Some(plain) => self.read(&plain, true, mark, now),
                None => Some(ObservedRequest::OtherXkey),
            },
        };
        let is_better = matches!(read, Some(ObservedRequest::Read(_))) || found.is_none();
        if is_better && read.is_some() {
            *found = read;
        }
    }

    /// Reads the request of the login that presents `mark` as its token or its connection name.
    /// Returns `None` for other messages.
    fn read(
        &self,
        payload: &[u8],
        encrypted: bool,
        mark: &str,
        now: u64,
    ) -> Option<ObservedRequest> {
        let opened = OpenedRequest::read_by(payload, now, &KnownSigners::new()).ok()?;
        let request = opened.request();
        let token = request.credentials.token.as_ref().map(Secret::expose);
        if token != Some(mark) && request.client.name.as_deref() != Some(mark) {
            return None;
        }
        let issued_at = opened.issued_at();
        let ahead = issued_at.map_or(0, |at| at.cast_signed().saturating_sub(now.cast_signed()));
        let rules = &self.config.callout.open;
        // At the time of its issue, only faults apart from its times are left.
        let fault = opened.check(issued_at.unwrap_or(now), rules.clock_skew);
        Some(ObservedRequest::Read(Box::new(ReadRequest {
            server_name: request.server.name.clone(),
            server_id: request.server.id.to_string(),
            encrypted,
            expected: opened.subject().to_owned(),
            lifetime: opened
                .expires_at()
                .zip(issued_at)
                .map(|(end, start)| end.saturating_sub(start)),
            ahead,
            trusted: rules.trusted_servers.contains(&request.server),
            fault: fault.err().map(|error| with_causes(&error)),
        })))
    }
}

/// Decrypts a request. Returns `None` if it is encrypted for another key.
fn open(xkey: &CurveKey, message: &Message) -> Option<Zeroizing<Vec<u8>>> {
    let header = message.headers.as_ref()?.get(XKEY_HEADER)?;
    let sender: PublicKey = header.as_str().parse().ok()?;
    xkey.open(&message.payload, &sender).ok()
}
