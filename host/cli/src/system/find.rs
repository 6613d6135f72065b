//! The servers that a command is about.

use std::num::NonZeroUsize;

use portcullis_connect::Nats;
use portcullis_system::{
    Gathered, Gathering, IdzRequest, RoutezRequest, ServerFilter, ServerId, ServerName,
    SystemClient, SystemError,
};
use portcullis_toml::text::one_line;
use serde_json::{Value, json};

use super::common::{GatheringArguments, failed};
use crate::exit::ExitCode;
use crate::failure::Failure;

/// A server of a command: its id, and its name for people.
#[derive(Clone, Debug)]
pub(crate) struct NamedServer {
    pub(crate) id: ServerId,
    pub(crate) name: String,
}

/// The servers of a system, as far as those that answer know them.
#[derive(Debug, Default)]
pub(crate) struct AllServers {
    /// The servers that answered.
    pub(crate) answered: Vec<NamedServer>,
    /// The servers that the others have a route to, and that did not answer.
    pub(crate) silent: Vec<NamedServer>,
    /// The failure of fewer answers than the arguments expect.
    pub(crate) shortage: Option<Failure>,
}

/// Returns the failure of a request to one server.
pub(crate) fn at_server(server: &NamedServer, error: SystemError) -> Failure {
    failed(error).context(format!("server `{}`", server.name))
}

/// Looks for all servers: those that answer, and those that the others of their cluster know.
///
/// # Errors
///
/// Fails if no server answers.
pub(crate) async fn find_all(
    system: &SystemClient<impl Nats>,
    gathering: GatheringArguments,
) -> Result<AllServers, Failure> {
    let all = ServerFilter::default();
    let gathered = system.ask_all(&IdzRequest {}, &all, gathering.end());
    let gathered = gathered.await.map_err(failed)?;
    let shortage = gathering.check(&gathered).err();
    let number = NonZeroUsize::new(gathered.replies.len());
    let Some(number) = number else {
        let none = || anyhow::anyhow!("no server answered");
        return Err(shortage.unwrap_or_else(|| Failure::new(ExitCode::Unreachable, none())));
    };
    let mut answered = named(gathered);
    answered.sort_by(|one, other| one.name.cmp(&other.name));
    let routes = Gathering::expecting(number, gathering.wait);
    let routes = system.ask_all(&RoutezRequest {}, &all, routes).await;
    // A system account without this service shows the servers that answered.
    let routes = routes.map(|gathered| gathered.replies).unwrap_or_default();
    let routes = routes.into_iter().filter_map(|reply| reply.result.ok());
    let mut silent: Vec<NamedServer> = Vec::new();
    for route in routes.flat_map(|routez| routez.routes) {
        let Ok(id) = route.remote_id.parse::<ServerId>() else {
            continue;
        };
        let mut known = answered.iter().chain(&silent);
        if !known.any(|server| server.id == id) {
            let name = Some(route.remote_name).filter(|name| !name.is_empty());
            let name = name.unwrap_or_else(|| id.to_string());
            silent.push(NamedServer { id, name });
        }
    }
    Ok(AllServers {
        answered,
        silent,
        shortage,
    })
}

/// Returns the servers of these answers.
fn named(gathered: Gathered<ServerName>) -> Vec<NamedServer> {
    let servers = gathered.replies.into_iter().filter_map(|reply| {
        let id = reply.server.server_id().ok()?;
        let name = reply.server.name;
        Some(NamedServer { id, name })
    });
    servers.collect()
}

/// Returns the names of servers for a message.
pub(crate) fn names(servers: &[NamedServer]) -> String {
    let names = servers.iter().map(|it| format!("`{}`", one_line(&it.name)));
    names.collect::<Vec<_>>().join(", ")
}

/// Returns all servers, or the one with this name or id.
///
/// # Errors
///
/// Fails if no server or several have the name.
pub(crate) async fn find_servers(
    system: &SystemClient<impl Nats>,
    wanted: Option<&str>,
    gathering: GatheringArguments,
) -> Result<Vec<NamedServer>, Failure> {
    if let Some(id) = wanted.and_then(|wanted| wanted.parse::<ServerId>().ok()) {
        let name = id.to_string();
        return Ok(vec![NamedServer { id, name }]);
    }
    let all = ServerFilter::default();
    let gathered = system.ask_all(&IdzRequest {}, &all, gathering.end());
    let gathered = gathered.await.map_err(failed)?;
    gathering.check(&gathered)?;
    let servers = named(gathered);
    let Some(wanted) = wanted else {
        return Ok(servers);
    };
    let servers = servers.into_iter();
    let found: Vec<_> = servers.filter(|server| server.name == wanted).collect();
    let problem = match found.len() {
        1 => return Ok(found),
        0 => format!("no server `{wanted}` answers: `portcullis system servers` lists all"),
        number => format!("{number} servers are called `{wanted}`: give the id of one"),
    };
    Err(Failure::new(
        ExitCode::Unreachable,
        anyhow::anyhow!(problem),
    ))
}

/// Returns the name and the id of a server as an object.
pub(crate) fn to_json(server: &NamedServer) -> Value {
    json!({ "name": server.name, "id": server.id.as_str() })
}
