//! A table of the sessions of a NATS system, kept by events.
//!
//! The program asks every server for its connections, and then follows connects and disconnects. It
//! prints each change. Run it as a user of the system account:
//!
//! ```text
//! NATS_URL=nats://127.0.0.1 NATS_CREDS=sys.creds \
//! cargo run -p portcullis-system --example sessions
//! ```

use std::collections::BTreeMap;
use std::error::Error;

use futures::StreamExt as _;
use portcullis_connect::{Authentication, ConnectionOptions, Nats, SecretSource, connect};
use portcullis_system::{
    ConnzRequest, EventFilter, EventKind, Gathering, IdzRequest, ServerFilter, SystemClient,
    SystemEvent,
};

/// The user of each session, by the id of the server and the number of the connection.
pub(crate) type Sessions = BTreeMap<(String, u64), String>;

/// Returns the sessions of all servers.
pub(crate) async fn read_sessions(
    system: &SystemClient<impl Nats>,
) -> Result<Sessions, Box<dyn Error>> {
    let mut sessions = Sessions::new();
    let all = ServerFilter::default();
    let servers = system.ask_all(&IdzRequest {}, &all, Gathering::default());
    for server in servers.await?.replies {
        let id = server.server.server_id()?;
        for connection in system.connections(&id, &ConnzRequest::default()).await? {
            let user = connection.authorized_user.unwrap_or_default();
            sessions.insert((id.to_string(), connection.cid), user);
        }
    }
    Ok(sessions)
}

/// Applies an event to the sessions. Returns a line about the change.
pub(crate) fn apply(event: SystemEvent, sessions: &mut Sessions) -> Option<String> {
    match event {
        SystemEvent::Connect(event) => {
            let user = event.client.user;
            let line = format!("{user} connects to {}", event.server.name);
            sessions.insert((event.server.id, event.client.id), user);
            Some(line)
        }
        SystemEvent::Disconnect(event) => {
            let user = sessions.remove(&(event.server.id, event.client.id))?;
            let server = event.server.name;
            Some(format!("{user} leaves {server}: {}", event.reason))
        }
        // A server in lame duck mode publishes no event about the end of its sessions.
        SystemEvent::LameDuck(server) | SystemEvent::Shutdown(server) => {
            sessions.retain(|(id, _), _| *id != server.id);
            Some(format!("{} stops", server.name))
        }
        _ => None,
    }
}

#[tokio::main]
#[expect(clippy::print_stdout, reason = "a program may print")]
async fn main() -> Result<(), Box<dyn Error>> {
    let variable = |name: &str| std::env::var(name).map_err(|_| format!("`{name}` is not set"));
    let options = ConnectionOptions {
        authentication: Authentication::Credentials(SecretSource::File(
            variable("NATS_CREDS")?.into(),
        )),
        ..ConnectionOptions::new("sessions", vec![variable("NATS_URL")?])
    };
    let connection = connect(&options).await?;
    let system = SystemClient::new(connection.client().clone());
    // Listens before it asks, so that no change is missed.
    let filter = EventFilter {
        kinds: [
            EventKind::Connect,
            EventKind::Disconnect,
            EventKind::LameDuck,
            EventKind::Shutdown,
        ]
        .into(),
        ..EventFilter::default()
    };
    let mut events = system.events(&filter).await?;
    let mut sessions = read_sessions(&system).await?;
    println!("{} sessions", sessions.len());
    while let Some(event) = events.next().await {
        if let Some(line) = apply(event?, &mut sessions) {
            println!("{line} ({} sessions)", sessions.len());
        }
    }
    Err("the connection was closed".into())
}
