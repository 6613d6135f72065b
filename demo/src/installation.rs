//! The stage of the demo: a server, a host, users, and a client that subscribes to all subjects.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use async_nats::{Event as ClientEvent, ServerError, Subscriber};
use futures::StreamExt;
use portcullis_harness::{
    Accounts, Built, Credentials, Event, Host, NatsServer, Release, Site, hash,
};
use tokio::sync::{Mutex, mpsc};
use tokio::time::timeout;

/// The name of the policy, and the stem of `static-users.wasm`.
pub(crate) const POLICY: &str = "static-users";
/// The password of all users.
pub(crate) const PASSWORD: &str = "wonderland";
/// Alice, a user that the policy knows.
pub(crate) const ALICE: Credentials<'_> = Credentials::Password("alice", PASSWORD);

/// The client that subscribes to all subjects, to observe which messages are delivered.
const LISTENER: Credentials<'_> = Credentials::Password("listener", PASSWORD);

/// The time after which a step counts as failed: longer than any step takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// All processes and connections of the demo.
pub(crate) struct Stage {
    pub(crate) site: Site,
    pub(crate) server: NatsServer,
    pub(crate) host: Host,
    heard: Mutex<Subscriber>,
}

/// A login: the client, the duration, and the host's decision from the log.
pub(crate) struct Login {
    pub(crate) client: Option<Client>,
    pub(crate) took: Duration,
    pub(crate) decision: Event,
}

/// A client whose login was permitted.
pub(crate) struct Client {
    connection: async_nats::Client,
    complaints: mpsc::UnboundedReceiver<String>,
}

impl Stage {
    /// Starts a server and a host with one policy and its users, and connects the listener.
    pub(crate) async fn build() -> Result<Self> {
        let site = Site::create(Release::Any)?;
        let settings = settings(&hash(PASSWORD, &[]).await?);
        site.policies
            .put_policy(POLICY, &Built::policy(POLICY)?, &settings)?;
        let server = site.start_server(Accounts::Several).await?;
        let host = site.start_host(&server).await?;
        let listener = portcullis_harness::log_in(&server.url(), LISTENER, "listener").await?;
        let heard = listener.subscribe(">").await?;
        listener.flush().await?;
        Ok(Self {
            site,
            server,
            host,
            heard: Mutex::new(heard),
        })
    }

    /// Logs in as a connection named `name`. The name must be new.
    pub(crate) async fn log_in(&self, credentials: Credentials<'_>, name: &str) -> Result<Login> {
        let (complain, complaints) = mpsc::unbounded_channel();
        let options =
            portcullis_harness::login_options(credentials, name).event_callback(move |event| {
                if let ClientEvent::ServerError(ServerError::Other(complaint)) = event {
                    // The receiver is gone once the client has disconnected.
                    let _ = complain.send(complaint);
                }
                std::future::ready(())
            });
        let start = Instant::now();
        let login = options.connect(self.server.url()).await;
        let took = start.elapsed();
        if login.is_err() && !portcullis_harness::is_refused(&login) {
            login
                .as_ref()
                .map_err(|error| anyhow::anyhow!("`{name}`: {error}"))?;
        }
        let client = login.ok().map(|connection| Client {
            connection,
            complaints,
        });
        let decision = self.host.decision(name).await?;
        Ok(Login {
            client,
            took,
            decision,
        })
    }

    /// Publishes a message. Returns `true` if the listener receives it, and `false` if the server
    /// reports an error.
    pub(crate) async fn publish(&self, client: &mut Client, subject: &'static str) -> Result<bool> {
        client.connection.publish(subject, "hello".into()).await?;
        client.connection.flush().await?;
        let mut heard = self.heard.lock().await;
        let outcome = async {
            tokio::select! {
                message = heard.next() => match message {
                    Some(message) if message.subject.as_str() == subject => Ok(true),
                    Some(message) => bail!("somebody else published on `{}`", message.subject),
                    None => bail!("the listener lost its connection"),
                },
                complaint = client.complaints.recv() => {
                    let complaint = complaint.unwrap_or_default();
                    if complaint.to_lowercase().contains("permissions violation") {
                        Ok(false)
                    } else {
                        bail!("the server complains: {complaint}")
                    }
                }
            }
        };
        timeout(PATIENCE, outcome)
            .await
            .with_context(|| format!("`{subject}` was neither delivered nor refused"))?
    }
}

/// Returns the settings of the policy with its users, whose password has this hash.
pub(crate) fn settings(password: &str) -> String {
    format!(
        r#"[settings]
default-account = "APP"

[settings.profiles.alice]
publish = {{ allow = ["alice.>"] }}
subscribe = {{ allow = ["alice.>", "_INBOX.>"] }}

[settings.profiles.listener]
subscribe = {{ allow = [">"] }}

[settings.users.alice]
password = "{password}"
account = "APP"
profile = "alice"

[settings.users.bob]
password = "{password}"
account = "APP"
profile = "alice"

[settings.users.listener]
password = "{password}"
account = "APP"
profile = "listener"
"#
    )
}
