//! `portcullis system events`: a line for each event.

use std::fmt::Write as _;
use std::num::NonZeroUsize;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use futures::StreamExt as _;
use portcullis_core::{AccountName, with_causes};
use portcullis_system::{
    AccountConnections, ClientDisconnected, ClientInfo, EventFilter, EventKind, SystemEvent,
};
use portcullis_toml::text::one_line;
use serde_json::json;

use super::common::{Common, connect, failed};
use super::table;
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::output::Print;
use crate::signals;

/// The arguments of `portcullis system events`.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub(crate) struct EventsArguments {
    #[command(flatten)]
    common: Common,
    /// A kind of events to print; can be given several times. Default: all but `statsz` and
    /// `account-connections`, which servers repeat.
    #[arg(long, value_name = "KIND", value_parser = kind())]
    kind: Vec<EventKind>,
    /// Only connects, disconnects and numbers of connections of this account.
    #[arg(long, value_name = "ACCOUNT")]
    account: Option<AccountName>,
    /// The number of events after which the command ends.
    #[arg(long, value_name = "NUMBER")]
    count: Option<NonZeroUsize>,
}

/// Returns a parser of the names of kinds.
fn kind() -> impl TypedValueParser<Value = EventKind> {
    let names = PossibleValuesParser::new(EventKind::ALL.map(EventKind::as_str));
    names.try_map(|name| name.parse::<EventKind>())
}

/// Prints events until a signal stops the command.
///
/// # Errors
///
/// Fails if no connection is made, or if it is closed for good.
pub(super) async fn run(arguments: EventsArguments, print: Print) -> Result<ExitCode, Failure> {
    let stop = signals::stop_requested().map_err(Failure::internal)?;
    let (_connection, system) = connect(arguments.common.connection).await?;
    let mut filter = EventFilter {
        account: arguments.account,
        ..EventFilter::default()
    };
    if arguments.kind.is_empty() {
        filter.kinds.remove(&EventKind::Statsz);
        filter.kinds.remove(&EventKind::AccountConnections);
    } else {
        filter.kinds = arguments.kind.into_iter().collect();
    }
    let mut events = system.events(&filter).await.map_err(failed)?;
    let mut stop = std::pin::pin!(stop);
    let mut printed = 0_usize;
    while arguments.count.is_none_or(|count| printed < count.get()) {
        let event = tokio::select! {
            () = &mut stop => return Ok(ExitCode::Success),
            event = events.next() => event,
        };
        let line = match event {
            None => {
                let closed = anyhow::anyhow!("the connection was closed for good");
                return Err(Failure::new(ExitCode::Unreachable, closed));
            }
            Some(Err(error)) if arguments.common.json => {
                let error = json!({ "error": with_causes(&error), "subject": error.subject });
                error.to_string()
            }
            Some(Err(error)) => with_causes(&error),
            Some(Ok(event)) if arguments.common.json => {
                serde_json::to_string(&event).map_err(Failure::internal)?
            }
            Some(Ok(event)) => describe(&event),
        };
        print(&format!("{}\n", one_line(&line)))?;
        printed = printed.saturating_add(1);
    }
    Ok(ExitCode::Success)
}

/// Returns the line about an event: time, kind, server, and what has happened.
fn describe(event: &SystemEvent) -> String {
    let server = event.server();
    let (time, what) = match event {
        SystemEvent::Connect(event) => (&event.header.time, client(&event.client)),
        SystemEvent::Disconnect(event)
        | SystemEvent::AuthError(event)
        | SystemEvent::AccountAuthError(event) => (&event.header.time, ended(event)),
        SystemEvent::AccountConnections(event) => (&event.header.time, account(event)),
        SystemEvent::Statsz(event) => {
            let statsz = &event.statsz;
            let text = format!(
                "{} clients, {} subscriptions, {}, {:.1} % cpu",
                statsz.connections,
                statsz.subscriptions,
                table::size(statsz.memory),
                statsz.cpu
            );
            (&server.time, text)
        }
        _ => (&server.time, String::new()),
    };
    let kind = event.kind().as_str();
    let line = format!("{time:<30}  {kind:<19}  {}  {what}", server.name);
    line.trim_end().to_owned()
}

/// Returns the user, account and origin of a client.
fn client(client: &ClientInfo) -> String {
    let ClientInfo {
        id, account, host, ..
    } = client;
    let user = quoted(&client.user);
    let mut text = format!("cid {id} {user}");
    // Writing to a string does not fail.
    if !account.is_empty() {
        let _ = write!(text, " in {account}");
    }
    if !client.name.is_empty() {
        let _ = write!(text, " as {}", quoted(&client.name));
    }
    let _ = write!(text, " from {host}");
    text
}

fn ended(event: &ClientDisconnected) -> String {
    format!("{}: {}", client(&event.client), event.reason)
}

fn account(event: &AccountConnections) -> String {
    format!(
        "{}: {} clients, {} leafnodes, {} subscriptions",
        event.account, event.connections, event.leafnodes, event.subscriptions
    )
}

/// Returns a name in backticks, because it can be empty or have spaces.
fn quoted(name: &str) -> String {
    format!("`{name}`")
}
